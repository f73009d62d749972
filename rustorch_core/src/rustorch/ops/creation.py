"""Making tensors: from data, filled with a value, or counting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rustorch import dtypes
from rustorch.base import TensorBase, allocate
from rustorch.device import Device, as_device
from rustorch.dtypes import DType, dtype_of
from rustorch.errors import ArgumentError, ArgumentTypeError, AutogradError, DTypeError
from rustorch.ops.blame import shown
from rustorch.ops.op import Op
from rustorch.ops.public import public
from rustorch.ops.samples import array, call
from rustorch.shape import Shape, as_shape
from rustorch.storage import BorrowedStorage

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

Op("fill", lambda out, *, value: (out.shape, out.dtype), doc="Set every element to a number.").constant()
Op(
    "arange", lambda out, *, start, step: (out.shape, out.dtype), doc="Count from `start` in steps of `step`."
).constant()

_PLAIN: dict[str, Any] = {"method": False, "differentiable": False}


def new(shape: Shape, dtype: DType, device: Device, requires_grad: bool = False) -> Any:
    """Allocate for a user: check that the device has the dtype and that it can require grad.

    Raises:
        DTypeError: if the device has no such dtype; names the ones it has.
    """
    have = device.info.dtypes
    if dtype.name not in have:
        raise DTypeError(
            f"{dtype.name} does not exist on device {device}, which has {', '.join(sorted(have))}"
        )
    result = allocate(shape, dtype, device)
    if requires_grad:
        require_grad(result)
    return result


def require_grad(x: Any) -> None:
    """Make a leaf require grad, if its dtype allows it."""
    if x.dtype.category < dtypes.FLOAT:
        raise AutogradError(
            f"requires_grad: only floating-point and complex tensors can require grad, got {x.dtype.name}"
        )
    x.needs_grad = True


def _chosen(dtype: Any, default: DType | None = None) -> DType:
    if dtype is None:
        return default or dtypes.get_default_dtype()
    return dtype_of(dtype)


def _sizes(name: str, size: tuple[Any, ...]) -> Shape:
    return Shape(as_shape(name, size))


@public(**_PLAIN, samples=lambda: [call((2, 3)), call(()), call((0, 2))], tags=("dynamic",))
def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor with uninitialised elements.

    Args:
        *size: the shape, as one sequence or as integers.
        dtype: the default float if None.
        device: the default device if None.
        requires_grad: whether autograd should follow it.
    """
    return new(_sizes("empty", size), _chosen(dtype), as_device(device), requires_grad)


def filled(shape: Shape, value: Any, dtype: DType, device: Device, requires_grad: bool = False) -> Any:
    """Return a tensor with every element `value`."""
    if value.__class__ is not int or not -128 <= value <= 127:
        check_storable("full", value, dtype)
    result = new(shape, dtype, device, requires_grad)
    device.kernels["fill"][dtype](result, value=value)
    return result


_LARGEST_EXPONENT = 1024  # of a float64


def check_storable(op: str, value: Any, dtype: DType) -> None:
    """Raise unless a tensor of this dtype can hold the number; floats are rounded and cut off."""
    if isinstance(value, (complex, np.complexfloating)) and not dtype.is_complex:
        raise DTypeError(f"{op}: a {dtype.name} tensor cannot hold the complex number {value}")
    if isinstance(value, int) and value.bit_length() > _LARGEST_EXPONENT:
        raise ArgumentError(f"{op}: no tensor can hold {shown(value)}")
    if dtype.category != dtypes.INT:
        return
    if isinstance(value, (float, np.floating)) and not math.isfinite(value):
        raise ArgumentError(f"{op}: a {dtype.name} tensor cannot hold {value}")
    limit = 1 << 8 * dtype.itemsize - dtype.is_signed
    if not -limit <= value < limit:
        raise ArgumentError(f"{op}: a {dtype.name} tensor cannot hold {shown(value)}")


@public(**_PLAIN, samples=lambda: [call((2, 3)), call(()), call(2, 0)])
def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor of zeros; see :func:`empty` for the arguments."""
    return filled(_sizes("zeros", size), 0, _chosen(dtype), as_device(device), requires_grad)


@public(**_PLAIN, samples=lambda: [call((2, 3)), call(()), call(2, 0)])
def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor of ones; see :func:`empty` for the arguments."""
    return filled(_sizes("ones", size), 1, _chosen(dtype), as_device(device), requires_grad)


@public(**_PLAIN, samples=lambda: [call((2, 3), 1.5), call((), 7)])
def full(
    size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor with every element `fill_value`; without dtype, that of the value."""
    fill_value = _number(fill_value, "full")
    chosen = _chosen(dtype, dtypes.scalar_dtype(fill_value))
    return filled(_sizes("full", (size,)), fill_value, chosen, as_device(device), requires_grad)


def _number(value: Any, op: str) -> Any:
    if isinstance(value, TensorBase):
        value = value.item()
    if not isinstance(value, (bool, int, float, complex, np.generic)):
        raise ArgumentTypeError(f"{op}: fill_value must be a number, got {type(value).__name__}")
    return value


def _like(input: Any, dtype: Any, device: Any) -> tuple[Shape, DType, Device]:
    return input.shape, _chosen(dtype, input.dtype), input.device if device is None else as_device(device)


@public(method=False, differentiable=False, samples=lambda: [call(array(2, 3))], tags=("dynamic",))
def empty_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return an uninitialised tensor of the shape, dtype and device of `input`."""
    return new(*_like(input, dtype, device), requires_grad)


@public(**_PLAIN, samples=lambda: [call(array(2, 3))])
def zeros_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return zeros of the shape, dtype and device of `input`."""
    shape, chosen, where = _like(input, dtype, device)
    return filled(shape, 0, chosen, where, requires_grad)


@public(**_PLAIN, samples=lambda: [call(array(2, 3))])
def ones_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ones of the shape, dtype and device of `input`."""
    shape, chosen, where = _like(input, dtype, device)
    return filled(shape, 1, chosen, where, requires_grad)


@public(**_PLAIN, samples=lambda: [call(array(2, 3), 2.5)])
def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return `fill_value` in the shape, dtype and device of `input`."""
    shape, chosen, where = _like(input, dtype, device)
    fill_value = _number(fill_value, "full_like")
    return filled(shape, fill_value, chosen, where, requires_grad)


@public(**_PLAIN, samples=lambda: [call(5), call(2, 9, 3), call(0.0, 1.0, 0.25), call(5, 0, -2)])
def arange(
    start: float,
    end: float | None = None,
    step: float = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return ``start, start + step, ...`` below `end` (or from 0 below `start` if it is the only number)."""
    if end is None:
        start, end = 0, start
    start, end, step = _plain(start), _plain(end), _plain(step)
    if step == 0:
        raise ArgumentError("arange: step must not be 0")
    if not all(map(math.isfinite, (start, end, step))):
        raise ArgumentError(f"arange: finite numbers are required, got {start}, {end}, {step}")
    if (end - start) * step < 0:
        raise ArgumentError(f"arange: the sign of step does not lead from {start} to {end}, got {step}")
    whole = all(isinstance(v, (int, np.integer)) for v in (start, end, step))
    chosen = _chosen(dtype, dtypes.int64 if whole else dtypes.get_default_dtype())
    count = -(-(end - start) // step) if whole else math.ceil((end - start) / step)
    device = as_device(device)
    if chosen in (dtypes.float16, dtypes.bfloat16):  # count exactly, round once
        rounded = arange(start, end, step, dtype=dtypes.float32, device=device).to(chosen)
        return rounded.requires_grad_(requires_grad)
    result = new(Shape((int(count),)), chosen, device, requires_grad)
    device.kernels["arange"][chosen](result, start=start, step=step)
    return result


def _plain(value: Any) -> Any:
    """Return a number as it is, and the one in a tensor: kernels get no tensors as attributes."""
    return value.item() if isinstance(value, TensorBase) else value


@public(**_PLAIN, samples=lambda: [call(0, 1, 5), call(-2.0, 3.0, 1), call(0, 1, 0)])
def linspace(
    start: float,
    end: float,
    steps: int,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return `steps` evenly spaced numbers from `start` to `end`, both included."""
    if steps < 0:
        raise ArgumentError(f"linspace: steps must not be negative, got {steps}")
    values = np.linspace(_plain(start), _plain(end), steps, dtype=np.float64)
    return tensor(values, dtype=_chosen(dtype), device=device, requires_grad=requires_grad)


@public(**_PLAIN, samples=lambda: [call(0, 2, 3), call(-1.0, 1.0, 4, 2.0)])
def logspace(
    start: float, end: float, steps: int, base: float = 10.0, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return `steps` numbers ``base ** e`` for e evenly spaced from `start` to `end`."""
    if steps < 0:
        raise ArgumentError(f"logspace: steps must not be negative, got {steps}")
    values = np.power(float(base), np.linspace(_plain(start), _plain(end), steps, dtype=np.float64))
    return tensor(values, dtype=_chosen(dtype), device=device, requires_grad=requires_grad)


@public(**_PLAIN, samples=lambda: [call(3), call(2, 4)])
def eye(
    n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return an n x m matrix (m = n if None) with ones on the diagonal."""
    columns = n if m is None else m
    result: Any = zeros((n, columns), dtype=dtype, device=device)
    if min(n, columns):
        result.diagonal().fill_(1)
    if requires_grad:
        require_grad(result)
    return result


# -- from data ---------------------------------------------------------------------------------------


def _as_array(data: Any) -> np.ndarray[Any, Any]:
    """Return nested sequences, numbers or an array as a NumPy array."""
    if isinstance(data, np.ndarray) and data.dtype != object:
        return data
    if isinstance(data, (list, tuple)) and data:
        data = _unwrapped(data)
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ArgumentError(f"tensor: nested sequences must be of equal length ({error})") from None
    if array.dtype == object or array.dtype.kind not in "biufcV":
        raise ArgumentTypeError(f"tensor: expected numbers in nested sequences, got {_culprit(data)}")
    return array


def _culprit(data: Any) -> str:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return type(data).__name__


def _unwrapped(data: Any) -> Any:
    """Replace tensors inside nested sequences by Python numbers or lists."""
    if isinstance(data, TensorBase):
        return data.tolist()
    if isinstance(data, (list, tuple)):
        return [_unwrapped(v) for v in data]
    return data


def _dtype_of_data(data: Any, array: np.ndarray[Any, Any]) -> DType:
    """Return PyTorch's choice: NumPy's dtype for arrays, else default float, int64, bool or complex."""
    if isinstance(data, (np.ndarray, np.generic)):
        return dtypes.of_array(array)
    kind = array.dtype.kind
    if kind == "f" or array.size == 0:
        # NumPy scalars inside a list keep their precision only through an explicit dtype
        return dtypes.get_default_dtype()
    return {"b": dtypes.bool_, "c": dtypes.scalar_dtype(0j)}.get(kind, dtypes.int64)


def from_host(array: np.ndarray[Any, Any], device: Device) -> Any:
    """Copy a NumPy array of a known dtype to a device."""
    whole = np.ascontiguousarray(array)
    result = new(Shape(array.shape), dtypes.of_array(whole), device)
    if whole.nbytes:
        source = whole.reshape(-1).view(np.uint8).data
        device.runtime.copy_from_host(result.storage.buffer, 0, source)
    return result


@public(method=False, differentiable=False, why_no_samples="it takes data, not tensors; tested by hand")
def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a new tensor holding a copy of `data`.

    Args:
        data: numbers in nested sequences, a NumPy array, or a tensor.
        dtype: that of the data if None (Python floats take the default float).
        device: the default device if None.
        requires_grad: whether autograd should follow it.

    >>> import rustorch
    >>> rustorch.tensor([[1.0, 2.0], [3.0, 4.0]])
    tensor([[1., 2.],
            [3., 4.]])
    """
    if isinstance(data, TensorBase):
        copied: Any = data.detach().to(
            dtype=dtype, device=data.device if device is None else device, copy=True
        )
        if requires_grad:
            require_grad(copied)
        return copied
    host = _as_array(data)
    chosen = dtype_of(dtype) if dtype is not None else _dtype_of_data(data, host)
    result = from_host(converted(host, chosen), as_device(device))
    if requires_grad:
        require_grad(result)
    return result


def converted(array: np.ndarray[Any, Any], dtype: DType) -> np.ndarray[Any, Any]:
    """Return the array in a dtype, by the rules of ``Tensor.to``."""
    target = dtype.numpy
    if array.dtype == target:
        return array
    if dtype.category == dtypes.INT and array.dtype.kind in "iu" and array.size:
        low, high = int(array.min()), int(array.max())
        limits = np.iinfo(target)
        if low < limits.min or high > limits.max:
            raise ArgumentError(
                f"tensor: {dtype.name} holds {limits.min} to {limits.max}, got {low} to {high}"
            )
    with np.errstate(all="ignore"):
        return array.astype(target)


@public(method=False, differentiable=False, why_no_samples="it takes a NumPy array; tested by hand")
def from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    """Return a tensor that shares the array's memory, where the default device is on host memory.

    The array may have any strides.  On other devices, and for read-only arrays, the data is copied.
    """
    if not isinstance(array, np.ndarray):
        raise ArgumentTypeError(f"from_numpy: a NumPy array is required, got {type(array).__name__}")
    return adopt(array, as_device(None))


def adopt(array: np.ndarray[Any, Any], device: Device) -> Any:
    """Return a tensor over an array's memory if the device can, else a copy."""
    dtype = dtypes.of_array(array)
    size = dtype.itemsize
    runtime: Any = device.runtime  # `adopt` is optional
    can_share = (
        device.info.host_memory
        and hasattr(runtime, "adopt")
        and array.flags.writeable
        and array.flags.aligned
        and array.size
        and all(s % size == 0 for s in array.strides)
        and array.dtype.isnative
    )
    if not can_share:
        return from_host(
            array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("=")), device
        )
    from rustorch.base import view_of
    from rustorch.shape import canonical_strides

    # the buffer starts at the lowest address, so that negative strides stay inside
    low = sum((n - 1) * s for n, s in zip(array.shape, array.strides, strict=True) if s < 0)
    high = sum((n - 1) * s for n, s in zip(array.shape, array.strides, strict=True) if s > 0)
    flat = np.lib.stride_tricks.as_strided(
        array[
            tuple(
                slice(n - 1, n) if s < 0 else slice(0, 1)
                for n, s in zip(array.shape, array.strides, strict=True)
            )
        ],
        shape=((high - low) // size + 1,),
        strides=(size,),
    )
    shell = allocate(Shape((0,)), dtype, device)
    shell.storage = BorrowedStorage(device, runtime.adopt(flat), flat.nbytes, (array, flat))
    shell.address = shell.storage.buffer
    shape = Shape(array.shape)
    return view_of(shell, shape, canonical_strides(shape, [s // size for s in array.strides]), -low // size)


@public(method=False, differentiable=False, why_no_samples="it takes data, not tensors; tested by hand")
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Return `data` as a tensor, without a copy where the memory, dtype and device allow it."""
    if isinstance(data, TensorBase):
        return data.to(dtype=dtype, device=device)
    if isinstance(data, np.ndarray) and (dtype is None or dtype_of(dtype).numpy == data.dtype):
        return adopt(data, as_device(device))
    return tensor(data, dtype=dtype, device=device)


@public(
    method=False,
    differentiable=False,
    samples=lambda: [call([array(3), array(4)], indexing="ij"), call([array(2), array(3)], indexing="xy")],
)
def meshgrid(tensors: Sequence[Tensor], *more: Tensor, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Return coordinate grids of 1-d tensors, in matrix ("ij") or Cartesian ("xy") order."""
    given = [tensors, *more] if isinstance(tensors, TensorBase) else list(tensors)
    if not all(isinstance(x, TensorBase) for x in given):
        raise ArgumentTypeError("meshgrid: expected tensors")
    if indexing not in ("ij", "xy"):
        raise ArgumentError(f"meshgrid: indexing must be 'ij' or 'xy', got {indexing!r}")
    swap = indexing == "xy" and len(given) > 1
    order = [given[1], given[0], *given[2:]] if swap else given
    shape = [x.shape.elements for x in order]
    grids = [
        x.reshape([-1 if i == k else 1 for k in range(len(order))]).expand(shape) for i, x in enumerate(order)
    ]
    return (grids[1], grids[0], *grids[2:]) if swap else tuple(grids)
