"""Drawing from distributions: into new tensors, and into existing ones (``uniform_`` and its like)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rustorch import dtypes
from rustorch.base import TensorBase
from rustorch.device import as_device
from rustorch.dtypes import dtype_of
from rustorch.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from rustorch.ops import philox
from rustorch.ops.elementwise import check_inplace
from rustorch.ops.public import public
from rustorch.ops.random import check_generator, floats, integers
from rustorch.ops.samples import array, call
from rustorch.ops.select import where
from rustorch.rng import Generator
from rustorch.shape import Shape, as_shape, broadcast_shapes

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

_RANDOM: dict[str, Any] = {"differentiable": False, "tags": ("random",)}


def _uniform64(x: Any, shape: Shape, generator: Generator | None) -> Any:
    """Return uniform numbers on the device of `x`: float32, or float64 where `x` is."""
    dtype = dtypes.float64 if x.dtype is dtypes.float64 else dtypes.float32
    return philox.drawn(philox.random_uniform, shape, dtype, x.device, generator)


def _check_probabilities(name: str, p: Any) -> None:
    if p.shape.elements and not bool(((p >= 0) & (p <= 1)).all()):
        raise ArgumentError(f"{name}: probabilities must be between 0 and 1")


def _check_probability(name: str, p: Any) -> None:
    if isinstance(p, bool) or not isinstance(p, (int, float)):
        raise ArgumentTypeError(f"{name}: p must be a number or a tensor, got {type(p).__name__}")
    if not 0 <= p <= 1:
        raise ArgumentError(f"{name}: p must be between 0 and 1, got {p}")


@public(
    **_RANDOM,
    samples=lambda: [
        call(array(3, 4, low=0.0, high=1.0)),
        call(array(5), 0.25),
        call(array(0, 2, low=0.0, high=1.0)),
    ],
)
def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """Return 1 with the probability that `input` holds, else 0, in its dtype.

    Args:
        input: probabilities between 0 and 1; with `p` only its shape and dtype count.
        p: one probability for all.
        generator: the stream to take from; the default one if None.

    Raises:
        ArgumentError: if a probability is not between 0 and 1.
    """
    if not isinstance(input, TensorBase):
        raise ArgumentTypeError(f"bernoulli: expected a tensor, got {type(input).__name__}")
    check_generator("bernoulli", generator)
    if p is not None:
        _check_probability("bernoulli", p)
        return (_uniform64(input, input.shape, generator) < p).to(input.dtype)
    if not input.dtype.is_floating_point:
        raise DTypeError(f"bernoulli: probabilities must be floating-point, got {input.dtype.name}")
    odds: Any = input.detach()
    _check_probabilities("bernoulli", odds)
    return (_uniform64(input, input.shape, generator) < odds).to(input.dtype)


@public(
    **_RANDOM,
    method=False,
    samples=lambda: [
        call(0.0, 1.0, (3, 4)),
        call(array(3, 1), array(4, low=0.5, high=2.0)),
        call(array(3), 2.0),
        call(1.0, array(3, low=0.5, high=1.0)),
    ],
)
def normal(
    mean: float | Tensor = 0.0,
    std: float | Tensor = 1.0,
    size: int | Sequence[int] | None = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
) -> Tensor:
    """Return normal numbers with the given mean and standard deviation.

    Args:
        mean: a number or a tensor.
        std: a number or a tensor, not negative; the two broadcast.
        size: the shape, where both are numbers.
        generator: the stream to take from; the default one if None.
        dtype: where both are numbers; the default float if None.
        device: likewise.
    """
    tensors: list[Any] = [x for x in (mean, std) if isinstance(x, TensorBase)]
    _check_std("normal", std)
    if tensors:
        if size is not None:
            raise ArgumentError("normal: size is given by the tensors, so leave it out")
        shape = broadcast_shapes("normal", *(x.shape for x in tensors))
        kind, place = tensors[0].dtype, tensors[0].device
    else:
        if size is None:
            raise ArgumentError("normal: a size is required where mean and std are numbers")
        shape, place = Shape(as_shape("normal", (size,))), as_device(device)
        kind = dtypes.get_default_dtype() if dtype is None else dtype_of(dtype)
    drawn = floats("normal", philox.random_normal, shape, kind, place, generator)
    std, mean = (x.detach() if isinstance(x, TensorBase) else x for x in (std, mean))
    return drawn * std + mean


def _check_std(name: str, std: Any) -> None:
    given: Any = std
    wrong = std.shape.elements and bool((given < 0).any()) if isinstance(std, TensorBase) else not std >= 0
    if wrong:
        raise ArgumentError(
            f"{name}: std must not be negative" + ("" if isinstance(std, TensorBase) else f", got {std}")
        )


@public(
    **_RANDOM,
    samples=lambda: [
        call(array(5, low=0.1, high=1.0), 3),
        call(array(2, 6, low=0.1, high=1.0), 4),
        call(array(2, 3, low=0.1, high=1.0), 8, True),
    ],
)
def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Return indices drawn in proportion to the weights in the last dim, (n,) or (m, n), as int64.

    With replacement, by searching the running sum; without, as the largest of weight / exponential
    variables (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006).

    Raises:
        ArgumentError: if a weight is negative or not finite, a row sums to 0, or fewer indices have
            weight than are asked for without replacement.
    """
    if len(getattr(input, "shape", ())) not in (1, 2):
        raise ShapeError("multinomial: weights of 1 or 2 dims are required" + _got(input))
    if not input.dtype.is_floating_point:
        raise DTypeError(f"multinomial: floating-point weights are required, got {input.dtype.name}")
    if isinstance(num_samples, bool) or not hasattr(num_samples, "__index__") or num_samples <= 0:
        raise ArgumentError(f"multinomial: num_samples must be a positive integer, got {num_samples!r}")
    check_generator("multinomial", generator)
    weights: Any = input.detach()
    weights = weights.to(dtypes.float32) if weights.dtype.itemsize == 2 else weights
    if weights.shape.elements and not bool(((weights >= 0) & (weights < math.inf)).all()):
        raise ArgumentError("multinomial: weights must be finite and not negative")
    available = int((weights > 0).sum(-1).min()) if weights.shape.elements else 0
    if available == 0:
        raise ArgumentError("multinomial: the weights of a row must not all be 0")
    if replacement:
        return _with_replacement(weights, num_samples, generator)
    if num_samples > available:
        raise ArgumentError(
            f"multinomial: {num_samples} indices of positive weight are required, got {available}",
            hint="pass replacement=True",
        )
    uniform = 1 - philox.drawn(philox.random_uniform, weights.shape, weights.dtype, weights.device, generator)
    # log(weight) - log(exponential) orders like weight / exponential and does not underflow
    keys = where(weights > 0, weights.log() - (-uniform.log()).log(), -math.inf)
    return keys.argsort(-1, descending=True).narrow(-1, 0, num_samples).contiguous()


def _got(input: Any) -> str:
    return (
        f", got shape {tuple(input.shape)}"
        if isinstance(input, TensorBase)
        else f", got {type(input).__name__}"
    )


def _with_replacement(weights: Any, count: int, generator: Generator | None) -> Any:
    upto = weights.cumsum(-1)
    total = upto.narrow(-1, weights.shape[-1] - 1, 1)
    shape = Shape((*weights.shape[:-1], count))
    target = philox.drawn(philox.random_uniform, shape, weights.dtype, weights.device, generator) * total
    # a target rounded up to the total still belongs to the last index that has weight
    found = (upto.unsqueeze(-2) <= target.unsqueeze(-1)).to(dtypes.int64).sum(-1)
    last = (upto < total).to(dtypes.int64).sum(-1, keepdim=True)
    return found.minimum(last)


# -- in place ----------------------------------------------------------------------------------------


def _filled(name: str, x: Any, values: Any) -> Any:
    check_inplace(name, x)
    return x.copy_(values)


def _target(name: str, input: Any, generator: Any) -> None:
    if not isinstance(input, TensorBase):
        raise ArgumentTypeError(f"{name}: expected a tensor, got {type(input).__name__}")
    check_inplace(name, input)
    check_generator(name, generator)


@public(**_RANDOM, samples=lambda: [call(array(3, 4)), call(array(5), -2.0, 3.0)])
def uniform_(
    input: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Replace every element by a number uniform in [from_, to); return the tensor."""
    _target("uniform_", input, generator)
    if not from_ <= to:
        raise ArgumentError(f"uniform_: from_ must not be above to, got {from_} and {to}")
    values = floats("uniform_", philox.random_uniform, input.shape, input.dtype, input.device, generator)
    if (from_, to) != (0, 1):
        values = values * (to - from_) + from_
    return _filled("uniform_", input, values)


@public(**_RANDOM, samples=lambda: [call(array(3, 4)), call(array(5), -2.0, 3.0)])
def normal_(
    input: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Replace every element by a normal number; return the tensor."""
    _target("normal_", input, generator)
    _check_std("normal_", std)
    values = floats("normal_", philox.random_normal, input.shape, input.dtype, input.device, generator)
    if (mean, std) != (0, 1):
        values = values * std + mean
    return _filled("normal_", input, values)


@public(**_RANDOM, samples=lambda: [call(array(3, 4)), call(array(5), 0.25)])
def bernoulli_(input: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Replace every element by 1 with probability `p` (a number, or a tensor that broadcasts), else 0."""
    _target("bernoulli_", input, generator)
    if isinstance(p, TensorBase):
        odds: Any = p.detach()
        _check_probabilities("bernoulli_", odds)
        return _filled("bernoulli_", input, _uniform64(p, input.shape, generator) < odds)
    _check_probability("bernoulli_", p)
    return _filled("bernoulli_", input, _uniform64(input, input.shape, generator) < p)


#: One above the largest integer up to which a floating-point dtype holds all of them.
_WHOLE_UP_TO = {
    dtypes.float16: 1 << 11,
    dtypes.bfloat16: 1 << 8,
    dtypes.float32: 1 << 24,
    dtypes.float64: 1 << 53,
}


@public(**_RANDOM, samples=lambda: [call(array(3, 4)), call(array(5), 6), call(array(5), -3, 4)])
def random_(
    input: Tensor, from_: int = 0, to: int | None = None, *, generator: Generator | None = None
) -> Tensor:
    """Replace every element by an integer uniform in [from_, to); return the tensor.

    ``random_(n)`` is [0, n).  Without bounds: all values from 0 up that the dtype holds exactly.
    """
    _target("random_", input, generator)
    dtype = input.dtype
    if to is None:
        if from_ != 0:
            from_, to = 0, from_
        elif dtype.category == dtypes.BOOL:
            to = 2
        elif dtype.is_floating_point:
            to = _WHOLE_UP_TO[dtype] + 1
        else:
            bits = 8 * dtype.itemsize - dtype.is_signed
            to = min(1 << bits, (1 << 63) - 1)
    values = integers("random_", from_, to, input.shape, dtypes.int64, input.device, generator)
    return _filled("random_", input, values)


@public(**_RANDOM, samples=lambda: [call(array(3, 4)), call(array(5), 2.5)])
def exponential_(input: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Replace every element by an exponential number of rate `lambd`, above 0; return the tensor."""
    _target("exponential_", input, generator)
    if not lambd > 0:
        raise ArgumentError(f"exponential_: lambd must be positive, got {lambd}")
    if not input.dtype.is_floating_point:
        raise DTypeError(f"exponential_: a floating-point dtype is required, got {input.dtype.name}")
    # -log(1 - u) of u in [0, 1) is finite; u = 0 is moved to half a step, so that the result is positive
    uniform = _uniform64(input, input.shape, generator)
    step = 2.0**-54 if uniform.dtype is dtypes.float64 else 2.0**-25
    values = -(-uniform.maximum(step)).log1p()
    return _filled("exponential_", input, values if lambd == 1 else values / lambd)
