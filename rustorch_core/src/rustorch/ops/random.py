"""Random tensors, and the functions that drop elements at random.

Every function takes ``generator=None``, which is the default generator (:func:`rustorch.manual_seed`).
The numbers are defined by bits (:mod:`rustorch.ops.philox`): the same seed gives the same on every backend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rustorch import dtypes
from rustorch.base import TensorBase
from rustorch.device import Device, as_device
from rustorch.dtypes import DType, dtype_of
from rustorch.errors import ArgumentError, ArgumentTypeError, DTypeError
from rustorch.ops import philox
from rustorch.ops.creation import new, require_grad
from rustorch.ops.public import public
from rustorch.ops.samples import array, call
from rustorch.rng import Generator
from rustorch.shape import Shape, as_shape

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

_RANDOM: dict[str, Any] = {"method": False, "differentiable": False, "tags": ("random",)}


def floats(
    name: str, op: philox.Draw, shape: Shape, dtype: DType, device: Device, generator: Generator | None
) -> Any:
    """Return a tensor drawn by `op`, checking what a user passed.

    Raises:
        DTypeError: if the dtype is no real floating-point one, or the device does not have it.
    """
    if not dtype.is_floating_point:
        raise DTypeError(f"{name}: a floating-point dtype is required, got {dtype.name}")
    if dtype.name not in device.info.dtypes:
        new(Shape((0,)), dtype, device)  # raises the error that lists what the device has
    check_generator(name, generator)
    return philox.drawn(op, shape, dtype, device, generator)


def check_generator(name: str, generator: Any) -> None:
    """Raise if this is neither a generator nor None."""
    if generator is not None and not isinstance(generator, Generator):
        raise ArgumentTypeError(
            f"{name}: generator must be a Generator or None, got {type(generator).__name__}"
        )


def _made(
    name: str,
    op: philox.Draw,
    size: tuple[Any, ...],
    generator: Any,
    dtype: Any,
    device: Any,
    requires_grad: bool,
) -> Any:
    chosen = dtypes.get_default_dtype() if dtype is None else dtype_of(dtype)
    result = floats(name, op, Shape(as_shape(name, size)), chosen, as_device(device), generator)
    if requires_grad:
        require_grad(result)
    return result


@public(**_RANDOM, samples=lambda: [call((2, 3)), call(()), call(2, 0), call(5, 7)])
def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return numbers uniform in [0, 1).

    Args:
        *size: the shape, as one sequence or as integers.
        generator: the stream to take from; the default one if None.
        dtype: a floating-point dtype; the default float if None.
        device: the default device if None.
        requires_grad: whether autograd should follow it.

    >>> import rustorch
    >>> _ = rustorch.manual_seed(0)
    >>> rustorch.rand(2, 3).shape
    rustorch.Size([2, 3])
    """
    return _made("rand", philox.random_uniform, size, generator, dtype, device, requires_grad)


@public(**_RANDOM, samples=lambda: [call((2, 3)), call(()), call(2, 0), call(5, 7)])
def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return standard normal numbers (mean 0, standard deviation 1); see :func:`rand` for the arguments."""
    return _made("randn", philox.random_normal, size, generator, dtype, device, requires_grad)


def _like(name: str, input: Any, dtype: Any, device: Any) -> tuple[DType, Device]:
    if not isinstance(input, TensorBase):
        raise ArgumentTypeError(f"{name}: expected a tensor, got {type(input).__name__}")
    return input.dtype if dtype is None else dtype_of(dtype), input.device if device is None else as_device(
        device
    )


@public(**_RANDOM, samples=lambda: [call(array(2, 3))])
def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return numbers uniform in [0, 1) in the shape, dtype and device of `input`."""
    chosen, where = _like("rand_like", input, dtype, device)
    return _made("rand_like", philox.random_uniform, (input.shape,), generator, chosen, where, requires_grad)


@public(**_RANDOM, samples=lambda: [call(array(2, 3))])
def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return standard normal numbers in the shape, dtype and device of `input`."""
    chosen, where = _like("randn_like", input, dtype, device)
    return _made("randn_like", philox.random_normal, (input.shape,), generator, chosen, where, requires_grad)


# -- integers ----------------------------------------------------------------------------------------


def integers(
    name: str, low: int, high: int, shape: Shape, dtype: DType, device: Device, generator: Generator | None
) -> Any:
    """Return integers in [low, high), from 64 random bits each.

    Of n values one is likelier than another by at most n / 2^64: below 2^31 values, the result is the
    upper half of the product with n, else the remainder by n.
    """
    for bound in (low, high):
        if isinstance(bound, (bool, type)) or not hasattr(bound, "__index__"):
            raise ArgumentTypeError(f"{name}: bounds must be integers, got {type(bound).__name__}")
    try:
        low, high = low.__index__(), high.__index__()
    except TypeError:  # an array of several elements
        raise ArgumentTypeError(f"{name}: bounds must be integers") from None
    count = high - low
    if count <= 0:
        raise ArgumentError(f"{name}: low must be below high, got {low} and {high}")
    if count >= 1 << 63 or not -(1 << 63) <= low < high <= 1 << 63:
        raise ArgumentError(
            f"{name}: bounds must fit int64 and be less than 2^63 apart, got {low} and {high}"
        )
    if dtype.is_complex:
        raise DTypeError(f"{name}: an integer or floating-point dtype is required, got {dtype.name}")
    check_generator(name, generator)
    words = 2 * shape.elements
    pairs = philox.unsigned_words(philox.stream(generator, words, device), words).reshape(-1, 2)
    upper, lower = pairs.select(1, 0), pairs.select(1, 1)
    whole = (
        upper << 32
    ) | lower  # as a signed number, whose remainder is that of the unsigned one up to the bias
    values = (upper * count + ((lower * count) >> 32)) >> 32 if count < 1 << 31 else whole.remainder(count)
    return (values + low if low else values).to(dtype).reshape(shape)


@public(**_RANDOM, samples=lambda: [call(10, (3, 4)), call(-5, 5, (7,)), call(0, 1 << 40, (5,)), call(3, ())])
def randint(
    low: Any = 0,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return integers uniform in [low, high): ``randint(high, size)`` or ``randint(low, high, size)``.

    They are made of 64 random bits each, so of n values one is likelier than another by at most n / 2^64.

    Args:
        low: the smallest value; 0 if left out.
        high: one above the largest value.
        size: the shape.
        generator: the stream to take from; the default one if None.
        dtype: int64 if None.
        device: the default device if None.
        requires_grad: whether autograd should follow it; only for a floating-point dtype.

    Raises:
        ArgumentError: if low is not below high, or the bounds are 2^63 or more apart.
    """
    if size is None:
        if high is None:
            raise ArgumentTypeError("randint: a size is required, as in randint(high, size)")
        if isinstance(high, (int, TensorBase)):
            raise ArgumentTypeError(
                "randint: a size is required",
                hint="write randint(low, high, (2, 3)), with the sizes in a tuple",
            )
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    chosen = dtypes.int64 if dtype is None else dtype_of(dtype)
    shape = Shape(as_shape("randint", (size,)))
    result = integers("randint", low, high, shape, chosen, as_device(device), generator)
    if requires_grad:
        require_grad(result)
    return result


@public(**_RANDOM, samples=lambda: [call(array(2, 3), 10), call(array(2, 3), -3, 3)])
def randint_like(
    input: Tensor,
    low: int,
    high: int | None = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
) -> Tensor:
    """Return integers uniform in [low, high) (or [0, low)) in the shape, dtype and device of `input`."""
    chosen, where = _like("randint_like", input, dtype, device)
    if high is None:
        low, high = 0, low
    return integers("randint_like", low, high, input.shape, chosen, where, generator)


@public(**_RANDOM, samples=lambda: [call(5), call(0), call(1)])
def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """Return the integers from 0 to n - 1 in random order (int64 unless `dtype` says otherwise).

    They are sorted by keys of 63 random bits, so that every order is equally likely up to equal keys.
    """
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise ArgumentTypeError(f"randperm: n must be an integer, got {type(n).__name__}")
    if n < 0:
        raise ArgumentError(f"randperm: n must not be negative, got {n}")
    keys = integers("randperm", 0, (1 << 63) - 1, Shape((n,)), dtypes.int64, as_device(device), generator)
    order = keys.argsort()
    return order if dtype is None else order.to(dtype_of(dtype))
