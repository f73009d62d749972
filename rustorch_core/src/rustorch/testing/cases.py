"""Sample calls of every public function, made into tensors: what the generated tests run on."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from rustorch import ops
from rustorch.base import TensorBase
from rustorch.ops.public import Public
from rustorch.ops.samples import Array, Sample


@dataclass(frozen=True, slots=True)
class Case:
    """One sample call of one function."""

    function: Public
    number: int
    sample: Sample

    @property
    def name(self) -> str:
        """The function's name and the sample's number."""
        return f"{self.function.name}-{self.number}"

    @property
    def operands(self) -> list[Array]:
        """The descriptions of its floating-point operands, in order."""
        found: list[Array] = []
        self.sample.build(found.append)
        return [a for a in found if a.kind == "float"]

    def build(
        self, device: Any, dtype: str = "float64", *, requires_grad: bool | tuple[int, ...] = False
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the call's arguments; the same values for every device and dtype.

        Args:
            device: where the tensors go.
            dtype: of the floating-point operands.
            requires_grad: of all floating-point operands, or of those with these numbers.
        """
        rng = np.random.default_rng(zlib.crc32(self.name.encode()))
        made = 0

        def tensor(description: Array) -> Any:
            nonlocal made
            values = description.make(rng)
            x: Any
            if description.kind == "float":
                wanted = requires_grad is True or (isinstance(requires_grad, tuple) and made in requires_grad)
                made += 1
                x = _placed(values, dtype, device, strided=description.strided)
                return x.requires_grad_() if wanted and description.grad else x
            return _placed(values, description.fixed_dtype, device, strided=description.strided)

        return self.sample.build(tensor)

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """Return the results as a flat list of tensors."""
        return flat(self.function.function(*args, **kwargs))


def _placed(values: np.ndarray[Any, Any], dtype: str, device: Any, *, strided: bool) -> Any:
    """Return a tensor with these values; a strided one looks at every second element of a transpose."""
    make = ops.creation.tensor
    if not strided:
        return make(values, dtype=dtype, device=device)
    padded = np.zeros((*values.shape[:-1], values.shape[-1] * 2), values.dtype)
    padded[..., ::2] = values
    whole: Any = make(np.ascontiguousarray(padded.T), dtype=dtype, device=device)
    return whole.permute(*reversed(range(values.ndim)))[..., ::2]


def flat(value: Any) -> list[Any]:
    """Return all tensors in nested sequences."""
    if isinstance(value, TensorBase):
        return [value]
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in flat(v)]
    return []


def cases(*, without: frozenset[str] = frozenset()) -> Iterator[Case]:
    """Yield the sample calls of all functions that carry none of the tags `without`."""
    for name in sorted(ops.functions):
        entry = ops.functions[name]
        if entry.sampler is None or entry.tags & without:
            continue
        for number, sample in enumerate(entry.sampler()):
            yield Case(entry, number, sample)
