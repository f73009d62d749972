"""Recurrent cells: the gates of one step as fused ops, and the cells that users call.

Kernels get the gates' sums and return what the backward pass needs of them, so that the two matrix
products of a step stay ordinary ones (those with the input are done for all steps at once).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rustorch.base import Spec
from rustorch.dtypes import DType
from rustorch.errors import ArgumentError, DTypeError, ShapeError
from rustorch.ops.joining import cat
from rustorch.ops.linalg import linear
from rustorch.ops.op import Op
from rustorch.ops.padding import check_tensor
from rustorch.ops.public import Sampler, public
from rustorch.ops.samples import array, call
from rustorch.shape import Shape

if TYPE_CHECKING:
    from rustorch.tensor import Tensor


def _filled(parts: Sequence[Any], specs: Sequence[Any], like: Any) -> list[Any]:
    """Return gradients with zeros for those that nobody sent."""
    return [like.new_zeros(s.shape) if p is None else p for p, s in zip(parts, specs, strict=True)]


def _shaped(name: str, x: Any, shape: tuple[int, ...], what: str) -> None:
    if tuple(x.shape) != shape:
        raise ShapeError(f"{name}: {what} must have shape {shape}, got {tuple(x.shape)}")


# -- LSTM: i, f, g, o ------------------------------------------------------------------------------------


def _lstm_rule(gates: Any, c_prev: Any) -> list[tuple[Shape, DType]]:
    n, h = c_prev.shape
    _shaped("lstm_cell", gates, (n, 4 * h), "the gates")
    return [(c_prev.shape, gates.dtype), (c_prev.shape, gates.dtype), (gates.shape, gates.dtype)]


def _lstm_cell(gates: Any, c_prev: Any) -> Any:
    """``c = f c_prev + i g; h = o tanh(c)``, with i, f, o the logistic and g the tanh of their sums."""
    i, f, g, o = gates.chunk(4, 1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c_prev + i * g
    return o * c.tanh(), c, cat([i, f, g, o], 1)


def _lstm_cell_backward(dh: Any, dc: Any, gates: Any, c_prev: Any, c: Any) -> Any:
    """The gradients of an LSTM step in the gates' sums and the old cell; `gates` are the activated ones."""
    i, f, g, o = gates.chunk(4, 1)
    t = c.tanh()
    d = dc + dh * o * (1 - t * t)
    sums = [d * g * i * (1 - i), d * c_prev * f * (1 - f), d * i * (1 - g * g), dh * t * o * (1 - o)]
    return cat(sums, 1), d * f


lstm_cell_op = Op(
    "lstm_cell",
    _lstm_rule,
    decomposition=_lstm_cell,
    partner="lstm_cell_backward",
    unused_results=(0,),
)
lstm_cell_backward = Op(
    "lstm_cell_backward",
    lambda dh, dc, gates, c_prev, c: [(gates.shape, gates.dtype), (c_prev.shape, c_prev.dtype)],
    decomposition=_lstm_cell_backward,
    partner="lstm_cell",
)


def _lstm_vjp(g: Any, out: Any, _gates: Any, c_prev: Any, *, needs: Sequence[bool]) -> list[Any]:
    h, c, gates = out
    dh, dc = _filled(g[:2], (h, c), c_prev)
    sums, old = lstm_cell_backward(dh, dc, gates, c_prev, c)
    if g[2] is not None:  # somebody differentiated the backward op, which reads the activated gates
        sums = sums + lstm_saved_gradient(g[2], gates)
    return [sums, old]


def lstm_saved_gradient(g: Any, gates: Any) -> Any:
    """Return the gradient in the gates' sums of one in the activated gates."""
    i, f, n, o = gates.chunk(4, 1)
    return g * cat([i * (1 - i), f * (1 - f), 1 - n * n, o * (1 - o)], 1)


def _lstm_double_vjp(
    up: Any, _out: Any, dh: Any, dc: Any, gates: Any, c_prev: Any, c: Any, *, needs: Sequence[bool]
) -> list[Any]:
    to_sums, to_old = _filled(up, (gates, c_prev), c_prev)
    i, f, g, o = gates.chunk(4, 1)
    ui, uf, ug, uo = to_sums.chunk(4, 1)
    t = c.tanh()
    slope = 1 - t * t
    d = dc + dh * o * slope
    to_d = ui * g * i * (1 - i) + uf * c_prev * f * (1 - f) + ug * i * (1 - g * g) + to_old * f
    to_gates = [
        d * (ui * g * (1 - 2 * i) + ug * (1 - g * g)),
        d * (uf * c_prev * (1 - 2 * f) + to_old),
        d * (ui * i * (1 - i) - 2 * ug * i * g),
        dh * (uo * t * (1 - 2 * o) + to_d * slope),
    ]
    to_t = dh * (uo * o * (1 - o) - 2 * to_d * o * t)
    return [
        to_d * o * slope + uo * t * o * (1 - o),
        to_d,
        cat(to_gates, 1),
        uf * d * f * (1 - f),
        to_t * slope,
    ]


lstm_cell_op.joint_vjp(_lstm_vjp)
lstm_cell_backward.joint_vjp(_lstm_double_vjp)


# -- GRU: r, z, n ----------------------------------------------------------------------------------------


def _gru_rule(gi: Any, gh: Any, h_prev: Any) -> list[tuple[Shape, DType]]:
    n, h = h_prev.shape
    _shaped("gru_cell", gi, (n, 3 * h), "the gates of the input")
    _shaped("gru_cell", gh, (n, 3 * h), "the gates of the state")
    return [(h_prev.shape, gi.dtype), (Shape((n, 4 * h)), gi.dtype)]


def _gru_cell(gi: Any, gh: Any, h_prev: Any) -> Any:
    """``h = (1 - z) n + z h_prev`` with n = tanh(gi_n + r gh_n); saved are r, z, n and gh_n."""
    ir, iz, i_n = gi.chunk(3, 1)
    hr, hz, hn = gh.chunk(3, 1)
    r, z = (ir + hr).sigmoid(), (iz + hz).sigmoid()
    n = (i_n + r * hn).tanh()
    return n + z * (h_prev - n), cat([r, z, n, hn], 1)


def _gru_cell_backward(dh: Any, saved: Any, h_prev: Any) -> Any:
    """The gradients of a GRU step in both gates' sums and the old state."""
    r, z, n, hn = saved.chunk(4, 1)
    dn = dh * (1 - z) * (1 - n * n)
    dz = dh * (h_prev - n) * z * (1 - z)
    dr = dn * hn * r * (1 - r)
    return cat([dr, dz, dn], 1), cat([dr, dz, dn * r], 1), dh * z


gru_cell_op = Op(
    "gru_cell", _gru_rule, decomposition=_gru_cell, partner="gru_cell_backward", unused_results=(0,)
)


def _gru_backward_rule(dh: Any, saved: Any, h_prev: Any) -> list[tuple[Shape, DType]]:
    gates = Shape((saved.shape[0], saved.shape[1] // 4 * 3))
    return [(gates, dh.dtype), (gates, dh.dtype), (h_prev.shape, dh.dtype)]


gru_cell_backward = Op(
    "gru_cell_backward", _gru_backward_rule, decomposition=_gru_cell_backward, partner="gru_cell"
)


def _gru_vjp(g: Any, out: Any, _gi: Any, _gh: Any, h_prev: Any, *, needs: Sequence[bool]) -> list[Any]:
    h, saved = out
    (dh,) = _filled(g[:1], (h,), h_prev)
    di, dg, old = gru_cell_backward(dh, saved, h_prev)
    if g[1] is not None:  # somebody differentiated the backward op, which reads what was saved
        to_i, to_h = gru_saved_gradient(g[1], saved)
        di, dg = di + to_i, dg + to_h
    return [di, dg, old]


def gru_saved_gradient(g: Any, saved: Any) -> tuple[Any, Any]:
    """Return the gradients in both gates' sums of one in what was saved."""
    r, z, n, hn = saved.chunk(4, 1)
    ur, uz, un, uh = g.chunk(4, 1)
    dn = un * (1 - n * n)
    dr, dz = (ur + dn * hn) * r * (1 - r), uz * z * (1 - z)
    return cat([dr, dz, dn], 1), cat([dr, dz, uh + dn * r], 1)


def _gru_double_vjp(
    up: Any, _out: Any, dh: Any, saved: Any, h_prev: Any, *, needs: Sequence[bool]
) -> list[Any]:
    gates = Spec(Shape((saved.shape[0], saved.shape[1] // 4 * 3)), saved.dtype, saved.device)
    to_i, to_h, to_old = _filled(up, (gates, gates, h_prev), h_prev)
    r, z, n, hn = saved.chunk(4, 1)
    un, hr = to_i.chunk(3, 1)[2], to_h.chunk(3, 1)[2]
    ur, uz, _ = (to_i + to_h).chunk(3, 1)
    slope = 1 - n * n
    dn = dh * (1 - z) * slope
    to_dn = un + hr * r + ur * hn * r * (1 - r)
    to_dz = uz * z * (1 - z)
    to_saved = [
        dn * (hr + ur * hn * (1 - 2 * r)),
        dh * (uz * (h_prev - n) * (1 - 2 * z) - to_dn * slope + to_old),
        -dh * (2 * to_dn * (1 - z) * n + to_dz),
        ur * dn * r * (1 - r),
    ]
    return [
        to_dn * (1 - z) * slope + to_dz * (h_prev - n) + to_old * z,
        cat(to_saved, 1),
        to_dz * dh,
    ]


gru_cell_op.joint_vjp(_gru_vjp)
gru_cell_backward.joint_vjp(_gru_double_vjp)


# -- what users call -------------------------------------------------------------------------------------


def _gates(x: Any, weight: Any, bias: Any) -> Any:
    return linear(x, weight, bias)


def _cell_operands(
    name: str, x: Any, states: Sequence[Any], w_ih: Any, w_hh: Any, gates: int
) -> tuple[Any, ...]:
    """Check one step's operands; return input and states with a batch dim, and whether they had one."""
    check_tensor(name, x, "the input")
    if len(x.shape) not in (1, 2):
        raise ShapeError(f"{name}: the input must have 2 dims (1 unbatched), got shape {tuple(x.shape)}")
    batched = len(x.shape) == 2
    check_operands(name, x, states, w_ih, w_hh, gates, rows=x.shape[0] if batched else None)
    if not batched:
        x, states = x.unsqueeze(0), [s.unsqueeze(0) for s in states]
    return x, states, batched


def check_operands(
    name: str, x: Any, states: Sequence[Any], w_ih: Any, w_hh: Any, gates: int, *, rows: int | None
) -> None:
    """Raise if weights and states do not fit an input of so many samples (None: unbatched).

    Raises:
        ShapeError, DTypeError, ArgumentTypeError: saying which.
    """
    for operand, what in (
        (x, "the input"),
        (w_ih, "w_ih"),
        (w_hh, "w_hh"),
        *((s, "the state") for s in states),
    ):
        check_tensor(name, operand, what)
        if operand.dtype is not x.dtype:
            raise DTypeError(
                f"{name}: all operands must have one dtype, got {x.dtype.name} and {operand.dtype.name}"
            )
    if len(w_hh.shape) != 2:
        raise ShapeError(f"{name}: w_hh must have 2 dims, got shape {tuple(w_hh.shape)}")
    hidden = w_hh.shape[-1]
    _shaped(name, w_hh, (gates * hidden, hidden), "w_hh")
    _shaped(name, w_ih, (gates * hidden, x.shape[-1]), "w_ih")
    for state in states:
        _shaped(name, state, (hidden,) if rows is None else (rows, hidden), "the state")


def _samples(gates: int) -> Sampler:
    n = 2 * gates
    return lambda: [
        call(array(2, 3), array(2, 2), array(n, 3), array(n, 2), array(n), array(n)),
        call(array(1, 3), array(1, 2), array(n, 3), array(n, 2)),
    ]


@public(
    method=False,
    samples=lambda: [
        call(array(2, 3), (array(2, 2), array(2, 2)), array(8, 3), array(8, 2), array(8), array(8)),
        call(array(1, 3), (array(1, 2), array(1, 2)), array(8, 3), array(8, 2)),
    ],
)
def lstm_cell(
    input: Tensor,
    hx: Any,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return state and cell after one step of an LSTM (Hochreiter and Schmidhuber, 1997).

    ``i, f, g, o = w_ih x + b_ih + w_hh h + b_hh``, ``c' = sigmoid(f) c + sigmoid(i) tanh(g)``,
    ``h' = sigmoid(o) tanh(c')``.

    Args:
        input: (N, features) or (features,).
        hx: state and cell, each (N, H) or (H,).
        w_ih: (4 H, features), the gates in the order i, f, g, o.
        w_hh: (4 H, H).
        b_ih: (4 H,) or None.
        b_hh: (4 H,) or None.
    """
    if not isinstance(hx, (tuple, list)) or len(hx) != 2:
        raise ArgumentError("lstm_cell: hx must be the pair (state, cell)")
    x, (h, c), batched = _cell_operands("lstm_cell", input, hx, w_ih, w_hh, 4)
    h, c, _ = lstm_cell_op(_gates(x, w_ih, b_ih) + linear(h, w_hh, b_hh), c)
    return (h, c) if batched else (h.squeeze(0), c.squeeze(0))


@public(method=False, samples=_samples(3))
def gru_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """Return the state after one step of a GRU (Cho et al., 2014), in the variant of PyTorch and cuDNN.

    ``r, z = sigmoid(w_ih x + b_ih + w_hh h + b_hh)``, ``n = tanh(w_in x + b_in + r (w_hn h + b_hn))``,
    ``h' = (1 - z) n + z h``; weights hold the gates in the order r, z, n.
    """
    x, (h,), batched = _cell_operands("gru_cell", input, [hx], w_ih, w_hh, 3)
    h, _ = gru_cell_op(linear(x, w_ih, b_ih), linear(h, w_hh, b_hh), h)
    return h if batched else h.squeeze(0)


def _simple_cell(name: str, x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
    x, (h,), batched = _cell_operands(name, x, [h], w_ih, w_hh, 1)
    total = _gates(x, w_ih, b_ih) + linear(h, w_hh, b_hh)
    return total if batched else total.squeeze(0)


@public(method=False, samples=_samples(1))
def rnn_tanh_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """Return ``tanh(w_ih x + b_ih + w_hh h + b_hh)``, one step of Elman's network."""
    return _simple_cell("rnn_tanh_cell", input, hx, w_ih, w_hh, b_ih, b_hh).tanh()


@public(method=False, samples=_samples(1))
def rnn_relu_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """Return ``relu(w_ih x + b_ih + w_hh h + b_hh)``, one step of Elman's network."""
    return _simple_cell("rnn_relu_cell", input, hx, w_ih, w_hh, b_ih, b_hh).clamp(min=0)
