"""Updates of a parameter in place: one fused op per step of SGD and Adam.

The operands are the parameter and its slots, all changed in place, then the gradient and the
hyper-parameters.  These are a tensor on the device and no attributes, so that a recorded step can be
replayed with other values.  Nothing is recorded by autograd.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from rustorch import dtypes
from rustorch.base import allocate
from rustorch.device import Device
from rustorch.errors import DTypeError, ShapeError
from rustorch.ops.op import Op, common_device
from rustorch.ops.select import where
from rustorch.shape import Shape


class Update(Op):
    """Changes its first operands in place: ``op(param, *slots, gradient, hyper)``; a slot may be None."""

    def __init__(
        self, name: str, *, slots: int, numbers: int, decomposition: Callable[..., Any], doc: str
    ) -> None:
        super().__init__(name, self._check, decomposition=decomposition, updates_out=True, doc=doc)
        self.changed = 1 + slots
        self.numbers = Shape((numbers,))
        self.constant()

    def _check(self, *operands: Any) -> list[Any]:
        param, *slots, grad, hyper = operands
        for x in (*slots, grad):
            if x is not None and (x.shape != param.shape or x.dtype is not param.dtype):
                raise ShapeError(
                    f"{self.name}: slots and gradient must be like the parameter, {param.dtype.name} "
                    f"of shape {tuple(param.shape)}, got {x.dtype.name} of shape {tuple(x.shape)}"
                )
        if not param.dtype.is_floating_point:
            raise DTypeError(f"{self.name}: a floating-point parameter is required, got {param.dtype.name}")
        common_device(self.name, operands)
        if hyper.shape != self.numbers or hyper.dtype is not hyper_dtype(param.device):
            raise ShapeError(
                f"{self.name}: hyper must hold {self.numbers[0]} numbers in "
                f"{hyper_dtype(param.device).name}, got {hyper.dtype.name} of shape {tuple(hyper.shape)}"
            )
        return [(x.shape, x.dtype) for x in (param, *slots) if x is not None]

    def __call__(self, *operands: Any, **_attrs: Any) -> None:
        """Change ``param, *slots`` in place, after checking all operands."""
        self._check(*operands)
        changed, grad, hyper = operands[: self.changed], *operands[self.changed :]
        self.run([changed], [grad], hyper)

    def run(self, changed: list[tuple[Any, ...]], grads: list[Any], hyper: Any) -> None:
        """Do the same for several parameters of one dtype and device, with slots that an optimizer keeps itself.

        Only the gradients are checked, and all of them before the first parameter changes.
        """
        contiguous = True
        for (param, *slots), grad in zip(changed, grads, strict=True):
            if (
                grad.shape is not param.shape
                or grad.dtype is not param.dtype
                or grad.device is not param.device
            ):
                self._check(param, *slots, grad, hyper)
            contiguous = contiguous and all(x is None or x.dense >= 0 for x in (param, *slots, grad))
        first = changed[0][0]
        kernel = first.device.kernels[self.name][first.dtype]
        many = getattr(getattr(kernel, "function", kernel), "many", None)
        if many is None or not contiguous:
            for out, grad in zip(changed, grads, strict=True):
                kernel(out, grad, hyper)
        else:
            many(changed, grads, hyper)
        for out in changed:
            for x in out:
                if x is not None:
                    x.storage.version += 1


def hyper_dtype(device: Device) -> dtypes.DType:
    """Return the dtype of hyper-parameters: float64, or float32 on a device without it."""
    return dtypes.float64 if "float64" in device.info.dtypes else dtypes.float32


def _wide(*tensors: Any) -> list[Any]:
    """Half precision is computed in float32: its smallest steps are larger than most updates."""
    half = tensors[0].dtype.is_floating_point and tensors[0].dtype.itemsize == 2
    return [x.to(dtypes.float32) if half and x is not None else x for x in tensors]


def _sgd(param: Any, momentum: Any, grad: Any, hyper: Any) -> tuple[Any, Any]:
    lr, rate, dampening, decay, nesterov, first, maximize = (hyper.select(0, i) for i in range(7))
    x, buffer, g = _wide(param, momentum, grad)
    g = g * (1 - 2 * maximize) + x * decay
    if buffer is None:
        return (x - g * lr).to(param.dtype), None
    buffer = where(first != 0, g, buffer * rate + g * (1 - dampening))
    step = where(nesterov != 0, g + buffer * rate, buffer)
    return (x - step * lr).to(param.dtype), buffer.to(param.dtype)


def _adam(
    param: Any, mean: Any, square: Any, largest: Any, grad: Any, hyper: Any
) -> tuple[Any, Any, Any, Any]:
    lr, beta1, beta2, eps, decay, count, decoupled, maximize = (hyper.select(0, i) for i in range(8))
    x, m, s, most, g = _wide(param, mean, square, largest, grad)
    x = x * (1 - lr * decay * decoupled)
    g = g * (1 - 2 * maximize) + x * (decay * (1 - decoupled))
    m = m + (g - m) * (1 - beta1)
    s = s * beta2 + g * g * (1 - beta2)
    if most is not None:
        most = most.maximum(s)
    # beta ** count in three kernels, as a backend without `pow` would need some hundred
    done1, done2 = (1 - (beta.log() * count).exp() for beta in (beta1, beta2))
    root = (s if most is None else most).sqrt() / done2.sqrt()
    x = x - m * (lr / done1) / (root + eps)
    return tuple(y if y is None else y.to(param.dtype) for y in (x, m, s, most))  # type: ignore[return-value]


sgd_step = Update(
    "sgd_step",
    slots=1,
    numbers=7,
    decomposition=_sgd,
    doc="One step of SGD on (param, momentum or None); hyper: lr, momentum, dampening, weight_decay, "
    "nesterov, first step, maximize.",
)
adam_step = Update(
    "adam_step",
    slots=3,
    numbers=8,
    decomposition=_adam,
    doc="One step of Adam on (param, mean, mean square, its maximum or None); hyper: lr, beta1, beta2, eps, "
    "weight_decay, step, decoupled weight decay, maximize.",
)


class Hyper:
    """Hyper-parameters in a tensor on a device, written anew only when they change."""

    __slots__ = ("_format", "tensor", "values")

    def __init__(self, op: Update, device: Device) -> None:
        dtype = hyper_dtype(device)
        self._format = struct.Struct(f"={op.numbers[0]}{'d' if dtype is dtypes.float64 else 'f'}")
        self.tensor = allocate(op.numbers, dtype, device)
        self.values: Sequence[float] = ()

    def holding(self, values: tuple[float, ...]) -> Any:
        """Return the tensor with these values in it."""
        if values != self.values:
            tensor = self.tensor
            source = memoryview(self._format.pack(*values))
            tensor.device.runtime.copy_from_host(tensor.storage.buffer, 0, source)
            tensor.storage.version += 1
            self.values = values
        return self.tensor
