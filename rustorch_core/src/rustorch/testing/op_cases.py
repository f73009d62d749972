"""Sample calls of every low-level op: the calls that a backend's kernels get.

Nobody writes them down.  The sample calls of the public functions run on the reference backend,
forward, backward and backward again, with an observer that keeps what every op was given.

>>> from rustorch.testing.op_cases import op_cases
>>> case = op_cases("add")[0]
>>> out, inputs = case.build("reference")
>>> case.run(out, inputs)
>>> out.shape == case.outs[0].shape
True
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

import rustorch
from rustorch import ops
from rustorch.autograd import grad, inference_mode
from rustorch.base import allocate, view_of
from rustorch.device import Device, as_device
from rustorch.dispatch import registry
from rustorch.dispatch.observers import observing
from rustorch.dtypes import DType, dtype_of, float64
from rustorch.errors import ArgumentError
from rustorch.ops.optimizer import Update, hyper_dtype
from rustorch.runtime import opened
from rustorch.shape import Shape
from rustorch.tensor.host import to_numpy
from rustorch.testing.cases import Case, cases, flat

#: How the elements of an operand lie in memory: in order without gaps; every second one of a transposed
#: array; backwards; repeated by strides of 0 (where equal along the first dim); in the midst of a larger array.
Layout = Literal["contiguous", "strided", "reversed", "expanded", "offset"]
LAYOUTS: tuple[Layout, ...] = ("contiguous", "strided", "reversed", "expanded", "offset")

#: Per op, dispatch dtype and shapes of operands, at most this many cases differing in values or attributes.
_VARIANTS = 6
_ORACLE = "reference"


@dataclass(frozen=True, slots=True, eq=False)
class OperandCase:
    """An operand or result: shape, dtype, and values where an op reads them."""

    shape: tuple[int, ...]
    dtype: str
    values: np.ndarray[Any, Any] | None  # float64, int64, uint8..., bool; None for a mere result

    @property
    def floating(self) -> bool:
        """Whether the dtype under test replaces this operand's."""
        return dtype_of(self.dtype).is_floating_point


@dataclass(frozen=True, slots=True, eq=False)
class OpCase:
    """One call of one op, as a kernel gets it."""

    op: str
    number: int
    origin: str  # the sample of a public function that led to it
    dtype: str  # the dispatch dtype that it was seen with
    operands: tuple[OperandCase | None, ...]
    outs: tuple[OperandCase | None, ...]
    several: bool  # the op has several results: its kernels get a tuple
    attrs: dict[str, Any]

    @property
    def name(self) -> str:
        """The op's name and the case's number."""
        return f"{self.op}-{self.number}"

    def build(
        self, device: Device | str, dtype: str | None = None, layout: Layout = "contiguous"
    ) -> tuple[Any, tuple[Any, ...]]:
        """Return fresh (out, inputs) on a device.

        Args:
            device: where they go.
            dtype: replaces the floating dtype of operands and results; as seen if None.
            layout: of the inputs; results are contiguous, as the core allocates them.
        """
        where = as_device(device)
        outs = tuple(None if o is None else _result(o, _dtype(o, dtype), where) for o in self.outs)
        inputs = tuple(
            None if x is None else place(x, self._input_dtype(i, dtype, where), where, layout)
            for i, x in enumerate(self.operands)
        )
        return (outs if self.several else outs[0]), inputs

    def _input_dtype(self, position: int, wanted: str | None, device: Device) -> DType:
        if holds_settings(self.op, position, len(self.operands)):
            return hyper_dtype(device)
        x = self.operands[position]
        assert x is not None  # noqa: S101 - for the type checker
        return _dtype(x, wanted)

    def run(self, out: Any, inputs: tuple[Any, ...]) -> None:
        """Call the kernel, or what stands for it, of the device that `out` is on."""
        first = next(o for o in flat(out))
        dispatch = dispatch_dtype(self.op, out, inputs)
        first.device.kernels[self.op][dispatch](out, *inputs, **self.attrs)


def dispatch_dtype(op: str, out: Any, inputs: tuple[Any, ...]) -> DType:
    """Return the dtype that selects an op's kernel, given its operands (docs/backends.md lists the exceptions)."""
    if op in _BY_RESULT or registry.ops[op].updates_out:
        found: DType = flat(out)[0].dtype
        return found
    return inputs[registry.ops[op].dispatch].dtype  # type: ignore[no-any-return]


_BY_RESULT = frozenset({"fill", "arange", "random_bits", "random_uniform", "random_normal"})


def holds_settings(op: str, position: int, count: int) -> bool:
    """Return whether operand `position` of `count` holds hyper-parameters, whose dtype the device decides."""
    return isinstance(registry.ops[op], Update) and position == count - 1


def _dtype(x: OperandCase, wanted: str | None) -> DType:
    return dtype_of(wanted if wanted is not None and x.floating else x.dtype)


def _result(o: OperandCase, dtype: DType, device: Device) -> Any:
    if o.values is not None:
        return place(o, dtype, device, "contiguous")
    return allocate(Shape(o.shape), dtype, device)


def place(x: OperandCase, dtype: DType, device: Device, layout: Layout) -> Any:
    """Return a tensor with an operand's values in some layout, of no history."""
    assert x.values is not None  # noqa: S101 - operands have values
    return laid_out(x.values, dtype, device, layout)


def laid_out(values: np.ndarray[Any, Any], dtype: DType, device: Device, layout: Layout) -> Any:
    """Return a tensor with these values whose elements lie in memory as `layout` says.

    "expanded" gives a stride of 0 where all values along the first dim are equal, and is contiguous elsewhere.

    Raises:
        ArgumentError: if there is no such layout.
    """
    if layout not in LAYOUTS:
        raise ArgumentError(f"layout: expected one of {', '.join(LAYOUTS)}, got {layout!r}")
    if layout == "contiguous" or values.size == 0:
        return _make(values, dtype, device)
    if layout == "offset" or values.ndim == 0:
        padded = np.concatenate([np.zeros(3, values.dtype), values.reshape(-1), np.zeros(2, values.dtype)])
        shape = Shape(values.shape)
        return view_of(_make(padded, dtype, device), shape, shape.strides, 3)
    return _IRREGULAR[layout](values, dtype, device)


def _make(values: np.ndarray[Any, Any], dtype: DType, device: Device) -> Any:
    make: Callable[..., Any] = ops.creation.tensor
    return make(values, dtype=dtype, device=device)


def _strided(values: np.ndarray[Any, Any], dtype: DType, device: Device) -> Any:
    spread = np.zeros((*values.shape[:-1], values.shape[-1] * 2), values.dtype)
    spread[..., ::2] = values
    whole = _make(np.ascontiguousarray(spread.T), dtype, device)
    return whole.permute(*reversed(range(values.ndim)))[..., ::2]


def _reversed(values: np.ndarray[Any, Any], dtype: DType, device: Device) -> Any:
    whole = _make(np.ascontiguousarray(np.flip(values)), dtype, device)
    steps = whole.shape.strides
    start = sum((n - 1) * step for n, step in zip(values.shape, steps, strict=True))
    return view_of(whole, whole.shape, _canonical(whole.shape, tuple(-s for s in steps)), start)


def _expanded(values: np.ndarray[Any, Any], dtype: DType, device: Device) -> Any:
    if values.shape[0] > 1 and (values == values[:1]).all():
        return _make(values[:1], dtype, device).expand(*values.shape)
    return _make(values, dtype, device)


_IRREGULAR: dict[str, Callable[..., Any]] = {
    "strided": _strided,
    "reversed": _reversed,
    "expanded": _expanded,
}


def _canonical(shape: Shape, strides: tuple[int, ...]) -> Any:
    """Return strides as views have them: those of dims of size 1 do not count, contiguous ones are shared."""
    plain = tuple(c if n == 1 else s for n, s, c in zip(shape, strides, shape.strides, strict=True))
    return shape.strides if plain == shape.strides else plain


# -- harvest -----------------------------------------------------------------------------------------


class _Harvest:
    """An observer that keeps the calls of ops."""

    def __init__(self) -> None:
        self.found: dict[str, list[OpCase]] = {}
        self.origin = ""
        self._seen: dict[Any, set[bytes]] = {}

    def around(
        self,
        op: Any,
        dtype: DType,
        device: Device,
        call: Callable[..., None],
        out: Any,
        inputs: tuple[Any, ...],
        attrs: dict[str, Any],
    ) -> None:
        """Keep the call if it differs enough from those kept before, then do it."""
        del device
        several = isinstance(out, tuple)
        outs = out if several else (out,)
        key = (op.name, dtype.name, tuple(_signature(x) for x in (*outs, *inputs)))
        variants = self._seen.setdefault(key, set())
        if len(variants) < _VARIANTS:
            kept = tuple(_operand(x, values=True) for x in inputs)
            results = tuple(_operand(o, values=op.updates_out) for o in outs)
            print_ = _fingerprint((*kept, *results), attrs)
            if print_ not in variants:
                variants.add(print_)
                same = self.found.setdefault(op.name, [])
                same.append(
                    OpCase(op.name, len(same), self.origin, dtype.name, kept, results, several, dict(attrs))
                )
        call(out, *inputs, **attrs)


def _signature(x: Any) -> Any:
    return None if x is None else (tuple(x.shape), x.dtype.name)


def _operand(x: Any, *, values: bool) -> OperandCase | None:
    if x is None:
        return None
    return OperandCase(tuple(x.shape), x.dtype.name, _values(x) if values else None)


def _values(x: Any) -> np.ndarray[Any, Any]:
    """Return a copy of a tensor's values; floating-point ones wide."""
    found: np.ndarray[Any, Any] = np.array(to_numpy(x, force=True))
    if not x.dtype.is_floating_point:
        return found
    with np.errstate(invalid="ignore"):  # a destination that nobody wrote yet may hold a signalling NaN
        return found.astype(np.float64)


def _fingerprint(operands: tuple[OperandCase | None, ...], attrs: dict[str, Any]) -> bytes:
    parts = [b"" if x is None or x.values is None else x.values.tobytes() for x in operands]
    return b"|".join([*parts, repr(sorted(attrs.items(), key=lambda item: item[0])).encode()])


@cache
def all_op_cases() -> dict[str, list[OpCase]]:
    """Return the cases of every op by its name; found once per process."""
    return harvested(cases(), OPTIMIZERS)


def harvested(
    calls: Iterable[Case],
    optimizers: Mapping[str, Callable[[list[Any]], Any]] | None = None,
    device: Device | None = None,
) -> dict[str, list[OpCase]]:
    """Return the calls of ops that calls of public functions (and steps of optimizers) lead to, by op.

    They run on the reference backend, or on another device with float64.
    """
    device = opened(device or Device(_ORACLE))  # so that opening is not observed
    kept = rustorch.get_rng_state()
    harvest = _Harvest()
    try:
        with observing(harvest), device, inference_mode(False):
            rustorch.manual_seed(0)
            for case in calls:
                harvest.origin = case.name
                _run(case, device)
            for name, step in (optimizers or {}).items():
                harvest.origin = f"optim.{name}"
                _train(step, device)
    finally:
        rustorch.set_rng_state(kept)
    return dict(sorted(harvest.found.items()))


def op_cases(op: str) -> list[OpCase]:
    """Return the cases of one op.

    Raises:
        ArgumentError: if there is no such op.
    """
    if op not in registry.ops:
        raise ArgumentError(
            f"op_cases: no op is called {op!r}", hint="rustorch doctor lists those of a backend"
        )
    return all_op_cases().get(op, [])


def _run(case: Case, device: Device) -> None:
    """Run a sample forward, and where it has derivatives backward, for itself and then to do it twice.

    Where no gradient is wanted a function may be another op.
    """
    if case.function.differentiable:
        case.call(*case.build(device))
    args, kwargs = case.build(device, requires_grad=case.function.differentiable)
    inputs = [x for x in flat([*args, *kwargs.values()]) if x.requires_grad]
    results = [y for y in case.call(args, kwargs) if y.requires_grad]
    if not inputs or not results:
        return
    weights = [_weights(y) for y in results]
    grad(results, inputs, weights, retain_graph=True, allow_unused=True)  # where recorded, ops may differ
    first = grad(results, inputs, weights, create_graph=True, allow_unused=True)
    again = [g for g in first if g is not None and g.requires_grad]
    if again:
        grad(again, inputs, [_weights(g) for g in again], allow_unused=True)


def _weights(y: Any) -> Any:
    """Return a gradient for a result in which no two elements are alike."""
    rng = np.random.default_rng(y.shape.elements)
    return laid_out(rng.uniform(0.5, 1.5, tuple(y.shape)), y.dtype, y.device, "contiguous")


OPTIMIZERS: dict[str, Callable[[list[Any]], Any]] = {
    "SGD": lambda p: rustorch.optim.SGD(p, lr=0.1),
    "SGD with momentum": lambda p: rustorch.optim.SGD(
        p, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True
    ),
    "Adam": lambda p: rustorch.optim.Adam(p, lr=0.01),
    "AdamW": lambda p: rustorch.optim.AdamW(p, lr=0.01, amsgrad=True),
}


def _train(make: Callable[[list[Any]], Any], device: Device) -> None:
    """Take three steps with an optimizer, from the same point for each."""
    rng = np.random.default_rng(0)

    def some(shape: tuple[int, ...]) -> Any:
        return _make(np.asarray(rng.normal(size=shape)), float64, device)

    params = [rustorch.nn.Parameter(some(shape)) for shape in [(3, 5), (7,), ()]]
    optimizer = make(params)
    for _ in range(3):
        for p in params:
            p.grad = some(tuple(p.shape))
        optimizer.step()
