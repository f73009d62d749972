"""Recurrent layers: all steps of a sequence in one direction as one fused op.

The product with the input is done for all steps at once, by `linear`.  What is left is sequential: per
step the product with the state, and the cell.  Done by one op, the recurrent weights are packed once for
all steps.  Its decomposition is the cell of :mod:`rustorch.ops.rnn`, step by step.

Sequences are (L, N, ...).  `running`, if given, says for each step how many of the first samples take
part; the others keep their state, and that is what the output holds for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rustorch.base import TensorBase
from rustorch.dtypes import DType
from rustorch.errors import ArgumentError, ArgumentTypeError, ShapeError
from rustorch.ops.joining import cat, stack
from rustorch.ops.linalg import linear, matmul
from rustorch.ops.op import Op, Rule
from rustorch.ops.public import public
from rustorch.ops.rnn import (
    check_operands,
    gru_cell_backward,
    gru_cell_op,
    gru_saved_gradient,
    lstm_cell_backward,
    lstm_cell_op,
    lstm_saved_gradient,
)
from rustorch.ops.samples import array, call
from rustorch.ops.select import where
from rustorch.shape import Shape
from rustorch.tape import wants_grad

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

Running = tuple[int, ...] | None


class StepByStep(Op):
    """The backward of a layer: where it is to be differentiated itself, its steps are recorded one by one."""

    def __call__(self, *operands: Any, **attrs: Any) -> Any:
        """Return the gradients."""
        if wants_grad(operands):
            assert self.decomposition is not None  # noqa: S101 - for the type checker
            return self.decomposition(*operands, **attrs)
        return super().__call__(*operands, **attrs)


def _backward(name: str, rule: Rule, decomposition: Any) -> StepByStep:
    op = StepByStep(
        f"{name}_layer_backward", rule, decomposition=decomposition, partner=f"{name}_layer", dispatch=0
    )
    op.constant()  # a call that is to be recorded never gets to the op
    return op


# -- the order of steps ----------------------------------------------------------------------------------


def _order(steps: int, *, reverse: bool) -> Iterable[int]:
    return reversed(range(steps)) if reverse else range(steps)


def _previous(states: Any, first: Any, *, reverse: bool) -> Any:
    """Return for each step the state before it."""
    first = first.unsqueeze(0)
    return cat([states[1:], first]) if reverse else cat([first, states[:-1]])


def _resting(new: Any, old: Any) -> Any:
    """Return the new states, and after them the old ones of the samples that did not take part."""
    count = new.shape[0]
    return new if count == old.shape[0] else cat([new, old[count:]])


def _padded(x: Any, rows: int) -> Any:
    """Return x with zeros for the samples that did not take part."""
    missing = rows - x.shape[0]
    return cat([x, x.new_zeros((missing, *x.shape[1:]))]) if missing else x


def _taking_part(running: Running, t: int, rows: int) -> int:
    return rows if running is None else running[t]


def _given(g: Any, like: Any) -> Any:
    return like.new_zeros(like.shape) if g is None else g


def _weight_gradient(d_sums: Any, previous: Any) -> Any:
    """Return the gradient of w_hh: one product over all steps and samples."""
    return matmul(d_sums.reshape((-1, d_sums.shape[-1])).mT, previous.reshape((-1, previous.shape[-1])))


# -- LSTM ------------------------------------------------------------------------------------------------


def _lstm_layer_rule(
    gates: Any, h0: Any, c0: Any, w_hh: Any, *, reverse: bool, running: Running
) -> list[tuple[Shape, DType]]:
    states = Shape((*gates.shape[:2], h0.shape[1]))
    return [(states, gates.dtype), (states, gates.dtype), (gates.shape, gates.dtype)]


def _lstm_layer(gates: Any, h0: Any, c0: Any, w_hh: Any, *, reverse: bool, running: Running) -> Any:
    """An LSTM over gates (L, N, 4 H) of the input: its states, cells and activated gates at all steps."""
    steps, rows, _ = gates.shape
    results: list[Any] = [None] * steps
    h, c, sums = h0, c0, gates.unbind(0)
    for t in _order(steps, reverse=reverse):
        n = _taking_part(running, t, rows)
        new = lstm_cell_op(sums[t][:n] + linear(h[:n], w_hh), c[:n])
        h, c = _resting(new[0], h), _resting(new[1], c)
        results[t] = (h, c, _padded(new[2], rows))
    return tuple(stack(list(parts)) for parts in zip(*results, strict=True))


def _lstm_layer_backward(
    g: Any,
    g_c: Any,
    activated: Any,
    c: Any,
    c0: Any,
    w_hh: Any,
    *,
    reverse: bool,
    running: Running,
    g_activated: Any = None,
) -> Any:
    """The gradients of an LSTM over a sequence in the gates' sums and both first states."""
    steps, rows, _ = c.shape
    sums: list[Any] = [None] * steps
    before = _previous(c, c0, reverse=reverse).unbind(0)
    extra = None if g_activated is None else g_activated.unbind(0)
    g, g_c, c, activated = (None if x is None else x.unbind(0) for x in (g, g_c, c, activated))
    dh = dc = c0.new_zeros(c0.shape)
    for t in _order(steps, reverse=not reverse):
        n = _taking_part(running, t, rows)
        dh = dh + g[t]
        dc = dc if g_c is None else dc + g_c[t]
        d, old = lstm_cell_backward(dh[:n], dc[:n], activated[t][:n], before[t][:n], c[t][:n])
        if extra is not None:
            d = d + lstm_saved_gradient(extra[t][:n], activated[t][:n])
        dh, dc = _resting(matmul(d, w_hh), dh), _resting(old, dc)
        sums[t] = _padded(d, rows)
    return stack(sums), dh, dc


lstm_layer_op = Op("lstm_layer", _lstm_layer_rule, decomposition=_lstm_layer, partner="lstm_layer_backward")
lstm_layer_backward = _backward(
    "lstm",
    lambda g, g_c, activated, c, c0, w_hh, **_: [(x.shape, x.dtype) for x in (activated, c0, c0)],
    _lstm_layer_backward,
)


def _lstm_layer_vjp(
    g: Any,
    out: Any,
    _gates: Any,
    h0: Any,
    c0: Any,
    w_hh: Any,
    *,
    needs: Sequence[bool],
    reverse: bool,
    running: Running,
) -> list[Any]:
    h, c, activated = out
    operands = (_given(g[0], h), g[1], activated, c, c0, w_hh)
    if g[2] is None:
        sums, dh, dc = lstm_layer_backward(*operands, reverse=reverse, running=running)
    else:  # somebody differentiated the backward op, which reads the activated gates
        sums, dh, dc = _lstm_layer_backward(*operands, reverse=reverse, running=running, g_activated=g[2])
    return [sums, dh, dc, _weight_gradient(sums, _previous(h, h0, reverse=reverse)) if needs[3] else None]


lstm_layer_op.joint_vjp(_lstm_layer_vjp)


# -- GRU -------------------------------------------------------------------------------------------------


def _gru_layer_rule(
    gates: Any, h0: Any, w_hh: Any, b_hh: Any, *, reverse: bool, running: Running
) -> list[tuple[Shape, DType]]:
    (steps, rows, _), hidden = gates.shape, h0.shape[1]
    return [(Shape((steps, rows, hidden)), gates.dtype), (Shape((steps, rows, 4 * hidden)), gates.dtype)]


def _gru_layer(gates: Any, h0: Any, w_hh: Any, b_hh: Any, *, reverse: bool, running: Running) -> Any:
    """A GRU over gates (L, N, 3 H) of the input: its states, and what each step keeps for the backward."""
    steps, rows, _ = gates.shape
    results: list[Any] = [None] * steps
    h, sums = h0, gates.unbind(0)
    for t in _order(steps, reverse=reverse):
        n = _taking_part(running, t, rows)
        new, saved = gru_cell_op(sums[t][:n], linear(h[:n], w_hh, b_hh), h[:n])
        h = _resting(new, h)
        results[t] = (h, _padded(saved, rows))
    return tuple(stack(list(parts)) for parts in zip(*results, strict=True))


def _gru_layer_backward(
    g: Any, saved: Any, h: Any, h0: Any, w_hh: Any, *, reverse: bool, running: Running, g_saved: Any = None
) -> Any:
    """The gradients of a GRU over a sequence in both gates' sums and the first state."""
    steps, rows, _ = h.shape
    results: list[Any] = [None] * steps
    before = _previous(h, h0, reverse=reverse).unbind(0)
    extra = None if g_saved is None else g_saved.unbind(0)
    g, saved = g.unbind(0), saved.unbind(0)
    dh = h0.new_zeros(h0.shape)
    for t in _order(steps, reverse=not reverse):
        n = _taking_part(running, t, rows)
        dh = dh + g[t]
        di, dg, old = gru_cell_backward(dh[:n], saved[t][:n], before[t][:n])
        if extra is not None:
            more = gru_saved_gradient(extra[t][:n], saved[t][:n])
            di, dg = di + more[0], dg + more[1]
        dh = _resting(old + matmul(dg, w_hh), dh)
        results[t] = (_padded(di, rows), _padded(dg, rows))
    return (*(stack(list(parts)) for parts in zip(*results, strict=True)), dh)


gru_layer_op = Op("gru_layer", _gru_layer_rule, decomposition=_gru_layer, partner="gru_layer_backward")


def _gru_layer_backward_rule(g: Any, saved: Any, h: Any, h0: Any, w_hh: Any, **_: Any) -> Any:
    gates = Shape((*h.shape[:2], 3 * h.shape[2]))
    return [(gates, g.dtype), (gates, g.dtype), (h0.shape, g.dtype)]


gru_layer_backward = _backward("gru", _gru_layer_backward_rule, _gru_layer_backward)


def _gru_layer_vjp(
    g: Any,
    out: Any,
    _gates: Any,
    h0: Any,
    w_hh: Any,
    b_hh: Any,
    *,
    needs: Sequence[bool],
    reverse: bool,
    running: Running,
) -> list[Any]:
    h, saved = out
    operands = (_given(g[0], h), saved, h, h0, w_hh)
    if g[1] is None:
        di, dg, dh = gru_layer_backward(*operands, reverse=reverse, running=running)
    else:  # somebody differentiated the backward op, which reads what was saved
        di, dg, dh = _gru_layer_backward(*operands, reverse=reverse, running=running, g_saved=g[1])
    weight = _weight_gradient(dg, _previous(h, h0, reverse=reverse)) if needs[2] else None
    bias = None
    if b_hh is not None and needs[3]:  # resting samples have no gradient here
        bias = dg.sum((0, 1))
    return [di, dh, weight, bias]


gru_layer_op.joint_vjp(_gru_layer_vjp)


# -- Elman's network -------------------------------------------------------------------------------------


def _rnn_layer_rule(
    gates: Any, h0: Any, w_hh: Any, *, relu: bool, reverse: bool, running: Running
) -> tuple[Shape, DType]:
    return gates.shape, gates.dtype


def _rnn_layer(gates: Any, h0: Any, w_hh: Any, *, relu: bool, reverse: bool, running: Running) -> Any:
    """Elman's network over sums (L, N, H) of the input: its states at all steps."""
    steps, rows, _ = gates.shape
    results: list[Any] = [None] * steps
    h, sums = h0, gates.unbind(0)
    for t in _order(steps, reverse=reverse):
        n = _taking_part(running, t, rows)
        total = sums[t][:n] + linear(h[:n], w_hh)
        h = _resting(total.relu() if relu else total.tanh(), h)
        results[t] = h
    return stack(results)


def _rnn_layer_backward(g: Any, h: Any, w_hh: Any, *, relu: bool, reverse: bool, running: Running) -> Any:
    """The gradients of Elman's network over a sequence in the sums and the first state."""
    steps, rows, _ = h.shape
    sums: list[Any] = [None] * steps
    g, states = g.unbind(0), h.unbind(0)
    dh = h[0].new_zeros(h.shape[1:])
    for t in _order(steps, reverse=not reverse):
        n = _taking_part(running, t, rows)
        dh = dh + g[t]
        y, d = states[t][:n], dh[:n]
        d = where(y > 0, d, 0.0) if relu else d * (1 - y * y)
        dh = _resting(matmul(d, w_hh), dh)
        sums[t] = _padded(d, rows)
    return stack(sums), dh


rnn_layer_op = Op("rnn_layer", _rnn_layer_rule, decomposition=_rnn_layer, partner="rnn_layer_backward")
rnn_layer_backward = _backward(
    "rnn",
    lambda g, h, w_hh, **_: [(h.shape, g.dtype), (Shape(h.shape[1:]), g.dtype)],
    _rnn_layer_backward,
)


def _rnn_layer_vjp(
    g: Any,
    out: Any,
    _gates: Any,
    h0: Any,
    w_hh: Any,
    *,
    needs: Sequence[bool],
    relu: bool,
    reverse: bool,
    running: Running,
) -> list[Any]:
    sums, dh = rnn_layer_backward(g, out, w_hh, relu=relu, reverse=reverse, running=running)
    weight = _weight_gradient(sums, _previous(out, h0, reverse=reverse)) if needs[2] else None
    return [sums, dh, weight]


rnn_layer_op.joint_vjp(_rnn_layer_vjp)


# -- what users call -------------------------------------------------------------------------------------


def _checked(
    name: str, x: Any, states: Sequence[Any], w_ih: Any, w_hh: Any, gates: int, running: Any
) -> Running:
    """Check a layer's operands; return how many samples take part in each step."""
    if not isinstance(x, TensorBase):
        raise ArgumentTypeError(f"{name}: the input must be a tensor, got {type(x).__name__}")
    if len(x.shape) != 3:
        raise ShapeError(f"{name}: the input must have 3 dims (L, N, features), got shape {tuple(x.shape)}")
    if x.shape[0] == 0:
        raise ShapeError(f"{name}: the sequence must not be empty, got shape {tuple(x.shape)}")
    check_operands(name, x, states, w_ih, w_hh, gates, rows=x.shape[1])
    if running is None:
        return None
    counts = tuple(int(n) for n in running)
    if len(counts) != x.shape[0] or any(not 0 <= n <= x.shape[1] for n in counts):
        raise ArgumentError(
            f"{name}: running must hold {x.shape[0]} numbers between 0 and {x.shape[1]}, got {counts}"
        )
    return counts


def _sum_of(first: Any, second: Any) -> Any:
    """Return the sum of two biases, of which either may be None."""
    if first is None or second is None:
        return first if second is None else second
    return first + second


def _last(states: Any, *, reverse: bool) -> Any:
    return states[0] if reverse else states[-1]


def _samples(gates: int, *, cell: bool = False, **options: Any) -> Any:
    n = 3 * gates

    def make() -> list[Any]:
        def state(rows: int) -> Any:
            return (array(rows, 3), array(rows, 3)) if cell else array(rows, 3)

        weights = (array(n, 4), array(n, 3))
        return [
            call(array(3, 2, 4), state(2), *weights, array(n), array(n), **options),
            call(array(2, 3, 4), state(3), *weights, reverse=True, **options),
            call(array(3, 3, 4), state(3), *weights, array(n), array(n), running=(3, 2, 1), **options),
            call(array(2, 3, 4), state(3), *weights, reverse=True, running=(3, 1), **options),
        ]

    return make


@public(method=False, samples=_samples(4, cell=True))
def lstm_layer(
    input: Tensor,
    hx: Any,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    reverse: bool = False,
    running: Sequence[int] | None = None,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Return the states of an LSTM at all steps, and the last state and cell: :func:`lstm_cell` step by step.

    Args:
        input: (L, N, features).
        hx: first state and cell, each (N, H).
        w_ih: (4 H, features), the gates in the order i, f, g, o.
        w_hh: (4 H, H).
        b_ih: (4 H,) or None.
        b_hh: (4 H,) or None.
        reverse: whether the last step comes first.
        running: per step how many of the first samples take part; the others keep their state.

    Returns:
        (L, N, H), and the pair of (N, H).

    Raises:
        ShapeError, DTypeError, ArgumentError: if shapes, dtypes or numbers do not fit.
    """
    if not isinstance(hx, (tuple, list)) or len(hx) != 2:
        raise ArgumentError("lstm_layer: hx must be the pair (state, cell)")
    counts = _checked("lstm_layer", input, hx, w_ih, w_hh, 4, running)
    gates = linear(input, w_ih, _sum_of(b_ih, b_hh))
    reverse = bool(reverse)
    h, c, _ = lstm_layer_op(gates, *hx, w_hh, reverse=reverse, running=counts)
    return h, (_last(h, reverse=reverse), _last(c, reverse=reverse))


@public(method=False, samples=_samples(3))
def gru_layer(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    reverse: bool = False,
    running: Sequence[int] | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the states of a GRU at all steps, and the last: :func:`gru_cell` step by step.

    Arguments are those of :func:`lstm_layer`, with three gates in the order r, z, n.
    """
    counts = _checked("gru_layer", input, [hx], w_ih, w_hh, 3, running)
    reverse = bool(reverse)
    h, _ = gru_layer_op(linear(input, w_ih, b_ih), hx, w_hh, b_hh, reverse=reverse, running=counts)
    return h, _last(h, reverse=reverse)


@public(method=False, samples=_samples(1))
def rnn_layer(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    reverse: bool = False,
    running: Sequence[int] | None = None,
    nonlinearity: str = "tanh",
) -> tuple[Tensor, Tensor]:
    """Return the states of Elman's network at all steps, and the last: :func:`rnn_tanh_cell` step by step.

    Arguments are those of :func:`lstm_layer`; `nonlinearity` is "tanh" or "relu".
    """
    if nonlinearity not in ("tanh", "relu"):
        raise ArgumentError(f"rnn_layer: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
    counts = _checked("rnn_layer", input, [hx], w_ih, w_hh, 1, running)
    gates = linear(input, w_ih, _sum_of(b_ih, b_hh))
    relu, reverse = nonlinearity == "relu", bool(reverse)
    h = rnn_layer_op(gates, hx, w_hh, relu=relu, reverse=reverse, running=counts)
    return h, _last(h, reverse=reverse)
