"""Elementwise ops: one declaration gives the op, its function, in-place form and ``out=``.

Operands broadcast and are promoted as in PyTorch; kernels see them expanded and of one dtype.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from rustorch import dtypes
from rustorch._fastpath import Quick
from rustorch.base import TensorBase, allocate, view_of
from rustorch.device import Device, at_close
from rustorch.dispatch.tables import packed
from rustorch.dtypes import BOOL, COMPLEX, FLOAT, DType
from rustorch.errors import (
    ArgumentError,
    ArgumentTypeError,
    AutogradError,
    DeviceError,
    DTypeError,
    RusTorchError,
    ShapeError,
)
from rustorch.ops import public
from rustorch.ops.blame import SYMPTOMS, raise_explained, shown
from rustorch.ops.op import Op, common_device, gather_scalars
from rustorch.shape import Shape, broadcast_shapes, expanded_strides
from rustorch.streams import for_all_streams, wait_for_all_streams
from rustorch.tape import make_node, mode, record

Numbers = (bool, int, float, complex, np.generic)

# -- result rules: promoted dtype -> (dtype to compute in, dtype of the result) ---------------------


def same(dtype: DType) -> tuple[DType, DType]:
    """The result has the promoted dtype."""
    return dtype, dtype


def floating(dtype: DType) -> tuple[DType, DType]:
    """Integers and bools become the default float first."""
    wide = dtype if dtype.category >= FLOAT else dtypes.get_default_dtype()
    return wide, wide


def boolean(dtype: DType) -> tuple[DType, DType]:
    """The result is bool whatever is compared."""
    return dtype, dtypes.bool_


ResultRule = Callable[[DType], tuple[DType, DType]]


class Elementwise(Op):
    """An op that works element by element on broadcast operands.

    Attributes:
        operands: the names of its operands, in order.
        attributes: the names of its attributes.
    """

    def __init__(
        self,
        name: str,
        result: ResultRule,
        allowed: frozenset[int],
        operands: tuple[str, ...],
        attributes: tuple[str, ...],
        **options: Any,
    ) -> None:
        super().__init__(name, self._check, **options)
        self.widens = True
        self.result = result
        self.allowed = allowed  # promotion categories it is defined for
        self.operands = operands
        self.attributes = attributes

    def signatures(self) -> dict[str, str]:
        """Return the dtypes that a kernel can be called with, each with that of its result."""
        rules = {d: self.result(d) for d in dtypes.ALL if d.category in self.allowed}
        return {d.name: result.name for d, (compute, result) in rules.items() if compute is d}

    def result_category(self, category: int) -> int:
        """Return the category in which operands of a category are computed."""
        representative = (dtypes.bool_, dtypes.int64, dtypes.float32, dtypes.complex64)[category]
        return self.result(representative)[0].category

    def _check(self, *operands: Any, **_attrs: Any) -> tuple[Shape, DType]:
        dtype = dtypes.promote([x.dtype for x in operands])
        return broadcast_shapes(self.name, *(x.shape for x in operands)), self.result(dtype)[1]

    def __call__(self, *operands: Any, **attrs: Any) -> Any:
        """Return the result for tensors and numbers, which are promoted and broadcast."""
        return apply(self, operands, attrs)


def constant(value: Any, dtype: DType, device: Device) -> Any:
    """Return a 0-d tensor holding a number; the same one for the same number, so never change it."""
    number = value.item() if isinstance(value, np.generic) else value
    key = (number, "" if number else repr(number), dtype, device)  # 0.0 and -0.0 are equal
    found = _constants.get(key)
    if found is None:
        if dtype.category <= dtypes.INT and not -(2**63) <= number < 2**64:
            raise ArgumentError(f"{dtype.name} cannot hold {shown(number)}")
        try:
            with for_all_streams(device):
                found = allocate(Shape(()), dtype, device)
                device.kernels["fill"][dtype](found, value=number)
        except (OverflowError, struct.error):
            raise ArgumentError(f"{dtype.name} cannot hold {shown(number)}") from None
        if len(_constants) >= _MAX_CONSTANTS:
            wait_for_all_streams()  # some of them may still read what is dropped
            _constants.clear()
            _numbers.clear()
        _constants[key] = found
        _numbers[found.storage] = number
    return found


def known_number(x: Any) -> Any:
    """Return the number that an operand shows everywhere if it is a `constant`, else None; asks no device."""
    return _numbers.get(x.storage)


_constants: dict[tuple[Any, str, DType, Device], Any] = {}
_numbers: dict[Any, Any] = {}  # the storage of each of them -> the number
_MAX_CONSTANTS = 1024


def constant_like(value: Any, x: Any) -> Any:
    """Return a number shown in the shape of `x`, in its dtype; the same tensor for the same number."""
    key = (value, x.shape, x.dtype, x.device)
    found = _shown.get(key) if value else None  # 0.0 and -0.0 are equal keys
    if found is None:
        number = constant(value, x.dtype, x.device)
        found = view_of(number, x.shape, expanded_strides(number.shape, number.strides, x.shape), 0)
        if len(_shown) >= _MAX_CONSTANTS:
            wait_for_all_streams()
            _shown.clear()
        _shown[key] = found
    return found


_shown: dict[tuple[Any, Shape, DType, Device], Any] = {}


#: Where constants are kept: by number, by number and shape, and the number of each storage.
Constants = tuple[dict[Any, Any], dict[Any, Any], dict[Any, Any]]


def constants_of(device: Device, *, known_on: Device) -> Constants:
    """Return the constants kept, without those of a device that another device does not have yet."""
    kept = {
        key: x
        for key, x in _constants.items()
        if key[-1] is not device or (*key[:-1], known_on) in _constants
    }
    return kept, {}, dict(_numbers)


def use_constants(kept: Constants) -> Constants:
    """Keep constants there from now on; return where they were kept so far."""
    global _constants, _shown, _numbers
    before = _constants, _shown, _numbers
    _constants, _shown, _numbers = kept
    return before


def _forget_constants(device: Device) -> None:
    """Drop the constants on a device: what its name stands for next has other buffers."""
    tables: tuple[dict[Any, Any], ...] = (_constants, _shown)
    for kept in tables:
        for key in [key for key in kept if key[-1] is device]:
            del kept[key]


at_close.append(_forget_constants)


def promoted(op: str, operands: tuple[Any, ...]) -> DType:
    """Return the dtype that tensors, 0-d tensors and numbers promote to together."""
    full: list[DType] = []
    zero: list[DType] = []
    scalars: list[DType] = []
    for x in operands:
        if isinstance(x, TensorBase):
            (full if x.shape else zero).append(x.dtype)
        elif isinstance(x, Numbers):
            scalars.append(dtypes.scalar_dtype(x))
        else:
            raise ArgumentTypeError(f"{op}: expected a tensor or a number, got {type(x).__name__}")
    return dtypes.promote(full, zero, scalars)


def apply(op: Elementwise, operands: tuple[Any, ...], attrs: dict[str, Any], out: Any = None) -> Any:
    """Run an elementwise op on tensors and numbers; `out` receives the result if given."""
    if out is None and _alike(operands):
        return _apply_alike(op, operands, attrs)
    dtype = promoted(op.name, operands)
    if dtype.category not in op.allowed:
        raise DTypeError(f"{op.name}: not defined for {dtype.name} tensors")
    compute, result_dtype = op.result(dtype)
    tensors = [x for x in operands if isinstance(x, TensorBase)]
    if not tensors:
        raise ArgumentTypeError(f"{op.name}: expected at least one tensor, got numbers only")
    device, tensors = gather_scalars(op.name, tensors)
    rest = iter(tensors)
    inputs = [next(rest) if isinstance(x, TensorBase) else constant(x, compute, device) for x in operands]
    shape = broadcast_shapes(op.name, *[x.shape for x in inputs])
    ready = [prepared(x, compute, shape) for x in inputs]
    if out is None:
        result = allocate(shape, result_dtype, device)
        device.kernels[op.name][compute](result, *ready, **attrs)
    else:
        result = _into(op, out, ready, attrs, shape, result_dtype, compute)
    if mode.grad and any(x.needs_grad for x in inputs) and op.records:
        if out is not None:
            raise AutogradError(
                f"{op.name}: out= cannot be used where an operand requires grad",
                hint="leave out= away, or use no_grad()",
            )
        record(op, result, inputs, attrs)
    return result


def _alike(operands: tuple[Any, ...]) -> bool:
    """Return whether all are tensors of one dtype and device: nothing is to be promoted or moved."""
    first = operands[0]
    if not isinstance(first, TensorBase):
        return False
    dtype, device = first.dtype, first.device
    for x in operands[1:]:
        if not isinstance(x, TensorBase) or x.dtype is not dtype or x.device is not device:
            return False
    return True


def _apply_alike(op: Elementwise, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """Run an elementwise op on tensors of one dtype and device."""
    first = operands[0]
    if first.dtype.category not in op.allowed:
        raise DTypeError(f"{op.name}: not defined for {first.dtype.name} tensors")
    compute, dtype = op.result(first.dtype)
    shape = broadcast_shapes(op.name, *[x.shape for x in operands]) if len(operands) > 1 else first.shape
    ready = [prepared(x, compute, shape) for x in operands]
    result = allocate(shape, dtype, first.device)
    first.device.kernels[op.name][compute](result, *ready, **attrs)
    if mode.grad and op.records and any(x.needs_grad for x in operands):
        record(op, result, operands, attrs)
    return result


def prepared(x: Any, dtype: DType, shape: Shape) -> Any:
    """Return `x` as a kernel wants it: in one dtype, expanded; without history."""
    if x.dtype is not dtype:
        whole = allocate(x.shape, dtype, x.device)
        x.device.kernels["cast"][x.dtype](whole, x)
        x = whole
    if x.shape is not shape:
        x = view_of(x, shape, expanded_strides(x.shape, x.strides, shape), x.offset)
    return x


def overlaps(out: Any, x: Any) -> bool:
    """Return whether two views share memory and are not the very same view."""
    if out.storage is not x.storage:
        return False
    return not (
        out.offset == x.offset and out.strides == x.strides and out.shape is x.shape and out.dtype is x.dtype
    )


def _into(
    op: Elementwise,
    out: Any,
    ready: list[Any],
    attrs: dict[str, Any],
    shape: Shape,
    dtype: DType,
    compute: DType,
) -> Any:
    """Run the kernel with the caller's tensor as destination."""
    if not isinstance(out, TensorBase):
        raise ArgumentTypeError(f"{op.name}: out must be a tensor, got {type(out).__name__}")
    if out.device is not ready[0].device:
        raise DeviceError(
            f"{op.name}: out must be on {ready[0].device} as the operands are, got {out.device}"
        )
    if out.shape is not shape and out.shape != shape:
        raise ShapeError(f"{op.name}: out must have shape {tuple(shape)}, got {tuple(out.shape)}")
    if not dtypes.can_cast(dtype, out.dtype):
        raise DTypeError(f"{op.name}: a {dtype.name} result cannot be stored in a {out.dtype.name} tensor")
    _require_distinct_elements(op.name, out)
    store(out, [packed(x) if overlaps(out, x) else x for x in ready], op.name, compute, dtype, attrs)
    out.storage.version += 1
    return out


def _require_distinct_elements(name: str, out: Any) -> None:
    if any(stride == 0 and size > 1 for size, stride in zip(out.shape, out.strides, strict=True)):
        raise ShapeError(
            f"{name}: the result's elements must have memory of their own, got an expanded tensor",
            hint="clone() it first",
        )


def store(
    out: Any, inputs: list[Any], name: str, compute: DType, dtype: DType, attrs: dict[str, Any]
) -> None:
    """Call a kernel so that its result lands in `out`, converting if `out` has another dtype."""
    kernels = out.device.kernels
    if out.dtype is dtype:
        kernels[name][compute](out, *inputs, **attrs)
        return
    whole = allocate(out.shape, dtype, out.device)
    kernels[name][compute](whole, *inputs, **attrs)
    kernels["cast"][dtype](out, whole)


# -- in place --------------------------------------------------------------------------------------


def check_inplace(name: str, x: Any) -> None:
    """Raise if autograd does not allow changing `x` in place."""
    if not mode.grad or not x.needs_grad:
        return
    if x.node is None:
        raise AutogradError(
            f"{name}: a leaf tensor that requires grad cannot be changed in place",
            hint="wrap the change in no_grad()",
        )
    if x.base is not None and x.base.node is None and x.base.needs_grad:
        raise AutogradError(
            f"{name}: a view of a leaf tensor that requires grad cannot be changed in place",
            hint="wrap the change in no_grad()",
        )


#: Gives a tensor changed in place its new history; set by the autograd layer.
rebase: Callable[[Any, Any], None] = lambda _x, _node: None  # noqa: E731 - a variable, to be set


def apply_inplace(op: Elementwise, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """Run an elementwise op whose result replaces its first operand."""
    x = operands[0]
    name = f"{op.name}_"
    if not isinstance(x, TensorBase):
        raise ArgumentTypeError(f"{name}: expected a tensor, got {type(x).__name__}")
    wanted = mode.grad and any(isinstance(y, TensorBase) and y.needs_grad for y in operands)
    if wanted:
        check_inplace(name, x)
        if not x.dtype.is_floating_point and not x.dtype.is_complex:
            raise AutogradError(
                f"{name}: the result requires grad and cannot be stored in a {x.dtype.name} tensor"
            )
    dtype = promoted(name, operands)
    if dtype.category not in op.allowed:
        raise DTypeError(f"{name}: not defined for {dtype.name} tensors")
    compute, result_dtype = op.result(dtype)
    if not dtypes.can_cast(result_dtype, x.dtype):
        raise DTypeError(f"{name}: a {result_dtype.name} result cannot be stored in a {x.dtype.name} tensor")
    device = x.device
    inputs = [y if isinstance(y, TensorBase) else constant(y, compute, device) for y in operands]
    if x.shape:
        _, inputs = gather_scalars(name, inputs)
    else:
        common_device(name, inputs)
    shape = broadcast_shapes(name, *[y.shape for y in inputs])
    if shape != x.shape:
        raise ShapeError(f"{name}: the result has shape {tuple(shape)} and does not fit {tuple(x.shape)}")
    _require_distinct_elements(name, x)
    ready = [prepared(y, compute, shape) for y in inputs]
    ready = [packed(y) if overlaps(x, y) else y for y in ready]
    if not wanted:
        store(x, ready, op.name, compute, result_dtype, attrs)
        x.storage.version += 1
        return x
    node = make_node(op, x, inputs, attrs)  # takes the versions from before the change
    _keep_original(node, x, inputs)
    store(x, ready, op.name, compute, result_dtype, attrs)
    x.storage.version += 1
    if node.out is not None:
        node.out_version = [x.storage.version]
    rebase(x, node)
    return x


def _keep_original(node: Any, x: Any, inputs: list[Any]) -> None:
    """Save a copy of `x` where the derivative needs what the in-place op is about to replace."""
    for i, (y, version) in enumerate(zip(inputs, node.versions or (), strict=bool(node.versions))):
        if y is x and version is not None:
            original = packed(x)
            original.needs_grad, original.node = x.needs_grad, node.edges[i]
            node.saved[i], node.versions[i] = original, original.storage.version


# -- declaration -----------------------------------------------------------------------------------

ANY = frozenset({dtypes.BOOL, dtypes.INT, FLOAT, COMPLEX})
REAL = frozenset({dtypes.BOOL, dtypes.INT, FLOAT})
NUMERIC = frozenset({dtypes.INT, FLOAT, COMPLEX})
INTEGER = frozenset({BOOL, dtypes.INT})


def elementwise(
    result: ResultRule = same,
    *,
    primitive: bool = False,
    allowed: frozenset[int] = REAL,
    inplace: bool = True,
    method: bool = True,
    aliases: tuple[str, ...] = (),
    samples: Any = None,
    partner: str | None = None,
    hidden: bool = False,
    front: Callable[[Any], Any] | None = None,
) -> Callable[[Callable[..., Any]], Any]:
    """Declare an elementwise op.  The decorated function gives its name, signature and text.

    Parameters annotated ``Tensor`` are operands, the others attributes.  Unless the op is
    `primitive`, the function's body is its decomposition.  `hidden` ops (backward ops) are called
    by other rules and are no public functions.  `front` wraps the function for users, where
    PyTorch's has parameters that are not the op's.
    """

    def declare(definition: Callable[..., Any]) -> Any:
        name = definition.__name__.removesuffix("_")
        notes = definition.__annotations__
        parameters = definition.__code__.co_varnames[: definition.__code__.co_argcount]
        operands = tuple(p for p in parameters if notes[p] == "Tensor")
        attributes = parameters[len(operands) :]
        op = Elementwise(
            name,
            result,
            allowed,
            operands,
            attributes,
            decomposition=None if primitive else definition,
            partner=partner,
            doc=definition.__doc__ or "",
        )
        function = _make_function(op, len(operands), attributes, definition)
        if hidden:
            return op
        operator = getattr(function, "operator", function)
        if front is not None:
            function = _dressed(front(function), op, definition)
        entry = public.Public(
            name,
            function,
            definition.__module__.rpartition(".")[2],
            method,
            elementwise=True,
            aliases=aliases,
            sampler=samples,
        )
        if inplace and result is not boolean:
            entry.inplace = _make_inplace(op, len(operands), attributes, definition)
        entry.operator = operator
        public.add(entry)
        return function

    return declare


def _make_function(
    op: Elementwise, arity: int, attributes: tuple[str, ...], definition: Callable[..., Any]
) -> Any:
    if attributes or arity > 2:
        function = _general(op, arity, attributes, definition)
    elif arity == 1:
        function = _unary(op)
    else:
        function, function.operator = _binary(op)
    return _dressed(function, op, definition)


def _dressed(function: Any, op: Elementwise, definition: Callable[..., Any]) -> Any:
    """Give a generated function the name, text and rules of its declaration."""
    function.__name__ = function.__qualname__ = op.name
    function.__doc__ = definition.__doc__
    function.__module__ = definition.__module__
    function.op = op
    function.vjp = op.vjp
    function.constant = op.constant
    return function


def _quick(op: Elementwise, arity: int, general: Callable[..., Any]) -> Quick:
    """Return the op as a callable of plain operands; what needs preparation goes to `general`."""
    # By category: whether operands of one dtype need no conversion, and whether a Python number joins them.
    direct = [category in op.allowed and category == op.result_category(category) for category in range(4)]
    return Quick(
        op,
        op.name,
        arity,
        dtypes.bool_ if op.result is boolean else None,
        direct=direct,
        takes_int=[False, True, True, False],
        takes_float=[False, False, True, False],
        general=general,
        constant_like=constant_like,
    )


def _unary(op: Elementwise) -> Any:
    quick = _quick(op, 1, lambda x: apply(op, (x,), {}))

    def function(input: Any, *, out: Any = None) -> Any:
        return quick(input) if out is None else apply(op, (input,), {}, out)

    return function


def _binary(op: Elementwise) -> tuple[Any, Any]:
    """Return the function of two operands, and the same as an operator.

    The operator has no ``out=`` and leaves unknown types to the other side.
    """

    def general(input: Any, other: Any) -> Any:
        if not isinstance(other, (TensorBase, *Numbers)):
            return NotImplemented
        return apply(op, (input, other), {})

    operator = _quick(op, 2, general)

    def function(input: Any, other: Any, *, out: Any = None) -> Any:
        result = operator(input, other) if out is None else NotImplemented
        return apply(op, (input, other), {}, out) if result is NotImplemented else result

    return function, operator


def _general(op: Elementwise, arity: int, attributes: tuple[str, ...], definition: Callable[..., Any]) -> Any:
    defaults = definition.__defaults__ or ()
    bind = _binder(op.name, arity, attributes, defaults)

    def function(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        operands, attrs = bind(args, dict(kwargs))
        try:
            return apply(op, operands, attrs, out)
        except SYMPTOMS as error:
            _explain(op.name, definition, operands, attrs, error)

    required = attributes[: len(attributes) - len(defaults)]
    shown = [f"{n}={d!r}" for n, d in zip(attributes[len(required) :], defaults, strict=True)]
    names = ", ".join([*_OPERAND_NAMES[:arity], *required, *shown])
    function.__text_signature__ = f"({names}, *, out=None)"  # type: ignore[attr-defined] # what help() shows
    return function


def _explain(
    name: str,
    definition: Callable[..., Any],
    operands: tuple[Any, ...],
    attrs: dict[str, Any],
    error: Exception,
) -> NoReturn:
    if isinstance(error, (RusTorchError, ZeroDivisionError)):
        raise error
    raise_explained(name, definition, operands, attrs, error, tensor="Tensor | float | complex")


def _make_inplace(
    op: Elementwise, arity: int, attributes: tuple[str, ...], definition: Callable[..., Any]
) -> Any:
    bind = _binder(f"{op.name}_", arity, attributes, definition.__defaults__ or ())
    name, quick = op.name, arity == 2 and not attributes
    scaled = name in ("add", "sub")  # these two have PyTorch's `alpha`, the factor of the second operand

    def inplace(*args: Any, **kwargs: Any) -> Any:
        alpha = kwargs.pop("alpha", 1) if scaled and kwargs else 1
        if alpha != 1 and len(args) == 2:
            args, alpha = (args[0], args[1] * alpha), 1
        if quick and len(args) == 2 and not kwargs:
            x, other = args
            if (other.__class__ is float or other.__class__ is int) and _simple(x):
                other = constant_like(other, x)
            elif not _simple_pair(x, other):
                x = None
            if x is not None:
                x.device.kernels[name][x.dtype](x, x, other)
                x.storage.version += 1
                return x
        operands, attrs = bind(args, kwargs)
        if alpha != 1:  # the second operand came by its name
            operands = (operands[0], operands[1] * alpha)
        try:
            return apply_inplace(op, operands, attrs)
        except SYMPTOMS as error:
            _explain(f"{op.name}_", definition, operands, attrs, error)

    inplace.__name__ = inplace.__qualname__ = f"{op.name}_"
    inplace.__doc__ = f"In-place form of :func:`rustorch.{op.name}`."
    return inplace


def _simple(x: Any) -> bool:
    """Return whether a float tensor can be changed without preparation: contiguous, not followed by autograd."""
    return (
        isinstance(x, TensorBase)
        and x.dtype.category == FLOAT
        and x.dense >= 0
        and not (mode.grad and x.needs_grad)
    )


def _simple_pair(x: Any, other: Any) -> bool:
    """Return whether two operands need no preparation: as `_simple`, and alike."""
    return (
        _simple(x)
        and isinstance(other, TensorBase)
        and x.dtype is other.dtype
        and x.shape is other.shape
        and x.device is other.device
        and x.storage is not other.storage
        and not (mode.grad and other.needs_grad)
    )


_OPERAND_NAMES = ("input", "other", "third")


def _binder(name: str, arity: int, attributes: tuple[str, ...], defaults: tuple[Any, ...]) -> Any:
    """Return a function that sorts arguments into operands and attributes."""
    filled = (
        dict(zip(attributes[len(attributes) - len(defaults) :], defaults, strict=False)) if defaults else {}
    )

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        operands = list(args[:arity])
        for missing in _OPERAND_NAMES[len(operands) : arity]:
            if missing not in kwargs:
                raise ArgumentTypeError(f"{name}: missing argument {missing!r}")
            operands.append(kwargs.pop(missing))
        given = args[arity:]
        if len(given) > len(attributes):
            raise ArgumentTypeError(f"{name}: takes {arity + len(attributes)} arguments, got {len(args)}")
        attrs = {**filled, **dict(zip(attributes, given, strict=False)), **kwargs}
        for key in attrs:
            if key not in attributes:
                raise ArgumentTypeError(f"{name}: unexpected argument {key!r}")
        for key in attributes:
            if key not in attrs:
                raise ArgumentTypeError(f"{name}: missing argument {key!r}")
        return tuple(operands), attrs

    return bind
