"""Small networks, forward and backward, for a size: each goes through many ops whose shapes follow it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import rustorch
from rustorch.device import Device
from rustorch.nn import functional as F
from rustorch.ops.creation import tensor

Array = np.ndarray[Any, Any]


class Operands:
    """Makes the operands of a program: the same values on every device, and the parameters to differentiate."""

    def __init__(self, device: Device, dtype: Any, *, frozen: bool) -> None:
        self._rng = np.random.default_rng(0)
        self._device, self._dtype, self._frozen = device, dtype, frozen
        self.parameters: dict[str, Any] = {}

    def input(self, *shape: int) -> Any:
        """Return an input; it takes part in differentiation unless the program runs frozen."""
        values = self._rng.standard_normal(shape).astype(np.float32)
        x = tensor(values, dtype=self._dtype, device=self._device)
        if self._frozen:
            return x
        self.parameters[f"gradient of input {len(self.parameters)}"] = x.requires_grad_()
        return x

    def parameter(self, *shape: int) -> Any:
        """Return a parameter."""
        values = (self._rng.standard_normal(shape) * 0.4).astype(np.float32)
        x = tensor(values, dtype=self._dtype, device=self._device, requires_grad=True)
        self.parameters[f"gradient of parameter {len(self.parameters)}"] = x
        return x

    def integers(self, below: int, *shape: int) -> Any:
        """Return indices."""
        return tensor(self._rng.integers(0, below, shape), device=self._device)


def _perceptron(make: Operands, n: int) -> Any:
    x, w1, w2 = make.input(n, 17), make.parameter(24, 17), make.parameter(5, 24)
    hidden = F.gelu(F.linear(x, w1, make.parameter(24)))
    hidden = F.layer_norm(hidden, (24,), make.parameter(24), make.parameter(24))
    return F.cross_entropy(F.linear(hidden, w2, None), make.integers(5, n), ignore_index=3)


def _convolution(make: Operands, n: int) -> Any:
    batch, side = 1 + n % 6, 5 + n % 11
    x = make.input(batch, 3, side, side + 1)
    x = F.relu(F.conv2d(x, make.parameter(4, 3, 3, 3), make.parameter(4), padding=1))
    x = F.batch_norm(x, None, None, make.parameter(4), make.parameter(4), True)
    x = F.avg_pool2d(F.max_pool2d(x, 2, 1, 1), 2)
    return F.silu(x).square().mean()


def _attention(make: Operands, n: int) -> Any:
    length = 2 + n % 37
    q, k, v = (make.input(2, 2, length, 6) for _ in range(3))
    return (F.scaled_dot_product_attention(q, k, v, is_causal=True) * make.parameter(6)).mean().tanh()


def _recurrence(make: Operands, n: int) -> Any:
    batch, steps = 1 + n % 13, 1 + n % 5
    w, u = make.parameter(12, 4), make.parameter(12, 3)
    h = c = make.input(batch, 3)
    for _ in range(steps):
        gates = F.linear(make.input(batch, 4), w) + F.linear(h, u)
        i, f, g, o = gates.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    return h.square().sum()


def _indexing(make: Operands, n: int) -> Any:
    table, index = make.parameter(11, 6), make.integers(11, n)
    x = F.embedding(index, table) * make.input(n, 6)
    ordered, order = x.sort(0)
    x = ordered.cumsum(0).softmax(1) + x.gather(0, order).amax(1, keepdim=True) - x.amin(0)
    x = rustorch.where(x > 0.1, x, x.exp() * 0.5)
    total = rustorch.zeros(4, 6, dtype=x.dtype, device=x.device).index_add(0, index % 4, x)
    return (total / (n + 1)).square().sum() + x.mean() + x.var(0).sum()


PROGRAMS: dict[str, Callable[[Operands, int], Any]] = {
    "perceptron": _perceptron,
    "convolution": _convolution,
    "attention": _attention,
    "recurrence": _recurrence,
    "indexing": _indexing,
}


def run(
    program: Callable[[Operands, int], Any],
    size: int,
    device: Device,
    *,
    wide: bool = False,
    frozen: bool = False,
) -> dict[str, Array]:
    """Return the loss of a program and all gradients, by name.

    Args:
        program: one of `PROGRAMS`.
        size: what its shapes follow.
        device: where it runs.
        wide: in float64 and not in float32.
        frozen: inputs need no gradient, only parameters.
    """
    make = Operands(device, rustorch.float64 if wide else rustorch.float32, frozen=frozen)
    loss = program(make, size)
    loss.backward()
    found = {"loss": loss} | {name: p.grad for name, p in make.parameters.items()}
    return {name: np.array(x.detach().numpy(force=True)).astype(np.float64) for name, x in found.items()}


def distance(found: Array, right: Array) -> float:
    """Return the largest error, relative to the largest element."""
    scale = float(np.abs(right).max(initial=0.0)) or 1.0
    error = np.abs(found - right)
    return float("inf") if np.isnan(error).any() else float(error.max(initial=0.0)) / scale
