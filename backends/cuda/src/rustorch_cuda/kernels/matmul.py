"""Matrix products: cuBLAS for floating point and complex, a kernel of our own for integers."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

from rustorch.plugins import Kernel
from rustorch_cuda.geometry import merged, packed
from rustorch_cuda.kernels.aside import Aside
from rustorch_cuda.kernels.move import Move
from rustorch_cuda.program import Driver, Program, source
from rustorch_cuda.types import BOOL, COMPLEX, FLOATS, INTEGERS, STORAGE


def build(driver: Driver) -> list[Kernel]:
    """Return matmul, by a library and by hand."""
    own, library = _Integers(driver), _Library(driver)
    return [
        Kernel("matmul", library.matmul, FLOATS | COMPLEX, layout="strided"),
        Kernel("matmul", own.matmul, BOOL | INTEGERS, layout="strided"),
    ]


class _Integers:
    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._programs: dict[str, Program] = {}

    def matmul(self, out: Any, a: Any, b: Any) -> None:
        """``out[..., i, j] = sum over k of a[..., i, k] * b[..., k, j]``; of bools "or" of "and"."""
        if out.shape.elements == 0:
            return
        dtype = a.dtype.name
        if dtype not in self._programs:
            self._programs[dtype] = Program(self._driver, integer_text(dtype))
        steps = [out.strides, (*a.strides[:-1], 0), (*b.strides[:-2], 0, b.strides[-1])]
        args = packed(
            merged(out.shape, steps),
            [x.address for x in (out, a, b)],
            wholes=[a.shape[-1], a.strides[-1], b.strides[-2]],
        )
        self._programs[dtype].launch("matmul_form", out.shape.elements, args)


def integer_text(dtype: str) -> str:
    """Return the source of the kernel for integers."""
    lines = f'extern "C" __global__ void matmul_form(const Args<3> r) {{ matmul<{STORAGE[dtype]}>(r); }}'
    return source("functions", "matmul", lines=lines)


class _Matrix(NamedTuple):
    """A matrix as a library reads it: by rows of `leading` elements, or transposed."""

    address: int
    leading: int
    transposed: bool
    batch_steps: tuple[int, ...]
    owner: Any = None  # keeps scratch memory alive


class _Library:
    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._move = Move(driver)

    def matmul(self, out: Any, a: Any, b: Any) -> None:
        """``out[..., i, j] = sum over k of a[..., i, k] * b[..., k, j]``; transposed operands cost nothing."""
        if out.shape.elements == 0:
            return
        rows, inner, columns = a.shape[-2], a.shape[-1], b.shape[-1]
        left, right, result = self._matrix(a), self._matrix(b), self._target(out)
        itemsize = out.dtype.itemsize
        steps = [m.batch_steps for m in (result, left, right)]
        batch = merged(out.shape[:-2], steps)
        size, inner_steps = (batch.sizes[-1], [s[-1] for s in batch.steps]) if batch.sizes else (1, [0, 0, 0])
        for place in itertools.product(*map(range, batch.sizes[:-1])):
            at = [sum(i * s for i, s in zip(place, own[:-1], strict=True)) for own in batch.steps]
            self._driver.gemm(
                out.dtype.name,
                rows=rows,
                columns=columns,
                inner=inner,
                left=(left.address + at[1] * itemsize, left.leading, left.transposed, inner_steps[1]),
                right=(right.address + at[2] * itemsize, right.leading, right.transposed, inner_steps[2]),
                result=(result.address + at[0] * itemsize, result.leading, inner_steps[0]),
                batch=size,
            )
        if result.owner is not None:
            self._move.copy(out, result.owner)

    def _target(self, out: Any) -> _Matrix:
        found = self._matrix(out, copied=False)
        if found is not None and not found.transposed:
            return found
        aside = Aside(self._driver, out)
        return _Matrix(aside.address, out.shape[-1], False, aside.strides[:-2], aside)

    def _matrix(self, x: Any, *, copied: bool = True) -> Any:
        (rows, columns), (down, right) = x.shape[-2:], x.strides[-2:]
        if (right == 1 or columns == 1) and (down >= max(columns, 1) or rows == 1):
            return _Matrix(x.address, max(down if rows > 1 else columns, 1), False, x.strides[:-2])
        if (down == 1 or rows == 1) and (right >= max(rows, 1) or columns == 1):
            return _Matrix(x.address, max(right if columns > 1 else rows, 1), True, x.strides[:-2])
        if not copied:
            return None
        aside = Aside(self._driver, x)
        self._move.copy(aside, x)
        return _Matrix(aside.address, max(columns, 1), False, aside.strides[:-2], aside)
