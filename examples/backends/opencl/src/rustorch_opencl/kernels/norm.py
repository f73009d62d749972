"""Layer normalisation and its derivative."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import prod

from rustorch.plugins import Kernel
from rustorch_opencl.geometry import longs
from rustorch_opencl.kernels.reduce import accumulator, add_up
from rustorch_opencl.mapping import Operand, View, operand, scratch
from rustorch_opencl.rows import RowProgram, pointers, typed
from rustorch_opencl.types import FLOATS, SIZES, packed


@cache
def _program(dtype: str) -> RowProgram:
    return RowProgram("layer_norm.cl", **typed(dtype))


def _layer_norm(dtype: str) -> Callable[..., None]:
    def kernel(
        out: tuple[View, View, View],
        x: View,
        weight: View | None,
        bias: View | None,
        *,
        ndim: int,
        eps: float,
    ) -> None:
        rows, length = out[1].shape.elements, prod(x.shape[len(x.shape) - ndim :])
        arguments = [*pointers(*out, x, weight, bias), packed(eps, dtype), longs(rows), longs(length)]
        _program(dtype).launch(x.storage.buffer.runtime, "layer_norm", rows, length, *arguments)

    return kernel


def _layer_norm_backward(dtype: str) -> Callable[..., None]:
    wide = accumulator("sum", dtype)

    def kernel(
        out: tuple[View, View, View],
        g: View,
        x: View,
        mean: View,
        rstd: View,
        weight: View | None,
        *,
        ndim: int,
    ) -> None:
        dx, dw, db = out
        rows, length = mean.shape.elements, prod(x.shape[len(x.shape) - ndim :])
        runtime, nbytes = x.storage.buffer.runtime, x.shape.elements * SIZES[wide.stored]
        with scratch(runtime, nbytes) as products, scratch(runtime, nbytes) as copies:
            arguments = pointers(dx, g, x, mean, rstd, weight)
            arguments += [products.memory, copies.memory, longs(rows), longs(length)]
            _program(dtype).launch(runtime, "layer_norm_backward", rows, length, *arguments)
            for result, terms in ((dw, products), (db, copies)):
                to = operand(result)._replace(strides=(0, 1))
                add_up(dtype, (rows, length), (0,), to, Operand(terms, 0, (length, 1)))

    return kernel


def kernels() -> list[Kernel]:
    """Both, for contiguous operands."""
    return [
        Kernel(op, make(dtype), frozenset({dtype}))
        for op, make in (("layer_norm", _layer_norm), ("layer_norm_backward", _layer_norm_backward))
        for dtype in FLOATS
    ]
