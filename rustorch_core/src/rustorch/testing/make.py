"""Making tensors of random numbers for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rustorch import rng
from rustorch.device import as_device
from rustorch.dtypes import DType, dtype_of
from rustorch.errors import ArgumentError, DTypeError
from rustorch.ops.creation import from_host, require_grad
from rustorch.shape import as_shape

if TYPE_CHECKING:
    from rustorch.tensor import Tensor


def make_tensor(
    *shape: Any,
    dtype: DType | str,
    device: Any = None,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
) -> Tensor:
    """Return a tensor of uniform random numbers in ``[low, high)``.

    The numbers come from the default generator's seed and are the same on every device.

    Args:
        shape: sizes, or one sequence of them.
        dtype: the dtype.
        device: the default device if None.
        low: -9 if None (0 for bool and uint8).
        high: 9 if None (10 for integers, 2 for bool).
        requires_grad: whether autograd should follow it.
        noncontiguous: leave a gap between the elements of the last dim, where there is more than one.
        exclude_zero: replace zeros by the smallest normal number, or by 1.

    >>> import rustorch
    >>> x = rustorch.testing.make_tensor((2, 3), dtype=rustorch.float32, low=0, high=1)
    >>> bool((x >= 0).all() and (x < 1).all())
    True
    """
    kind = dtype_of(dtype)
    sizes = tuple(as_shape("make_tensor", shape))
    bottom, top = _limits(kind, low, high)
    stretched = (*sizes[:-1], 2 * sizes[-1]) if noncontiguous and sizes and sizes[-1] > 1 else sizes
    values = _drawn(kind, stretched, bottom, top)
    if exclude_zero:
        if kind.name == "bool":
            raise DTypeError("make_tensor: exclude_zero has no meaning for bool")
        smallest = 1 if kind.category == 1 else float(np.finfo(np.float16).tiny)
        values = np.where(values == 0, smallest, values).astype(values.dtype)
    result = from_host(values.astype(kind.numpy), as_device(device))
    if stretched != sizes:
        result = result[..., ::2]
    if requires_grad:
        result = result.detach()
        require_grad(result)
    return result  # type: ignore[no-any-return]


def _limits(kind: DType, low: float | None, high: float | None) -> tuple[float, float]:
    bottom = low if low is not None else (-9 if kind.is_signed else 0)
    top = high if high is not None else {0: 2, 1: 10}.get(kind.category, 9)
    if not bottom < top:
        raise ArgumentError(f"make_tensor: low < high is required, got {bottom} and {top}")
    return bottom, top


def _drawn(kind: DType, shape: tuple[int, ...], low: float, high: float) -> Any:
    # seeded by the default generator and not drawn from it: a device's kernels are what is under test
    draw = np.random.Generator(np.random.Philox(key=[word % 2**64 for word in rng.default_generator.take(1)]))
    if kind.category <= 1:
        return draw.integers(int(low), int(high), shape, dtype=np.int64)
    if kind.is_complex:
        return draw.uniform(low, high, shape) + 1j * draw.uniform(low, high, shape)
    below = np.nextafter(kind.numpy.type(high), kind.numpy.type(low)) if kind.name != "bfloat16" else high
    return np.clip(draw.uniform(low, high, shape), low, float(below))
