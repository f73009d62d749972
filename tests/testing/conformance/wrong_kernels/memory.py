"""Kernels that touch or keep what is not theirs."""

from __future__ import annotations

import numpy as np

from wrong_kernels.planting import found_in, wrong
from wrong_kernels.reading import array, whole


def _end(view):
    """Return the place behind the view's last element, or None if its storage ends there."""
    last = view.offset + sum((size - 1) * step for size, step in zip(view.shape, view.strides, strict=True))
    return last + 1 if view.shape.elements and last + 1 < whole(view).size else None


@wrong(
    "sqrt", "writes one element behind the result", like="a loop to <= n, or a full vector stored at the tail"
)
def writes_past_the_end(right):
    def kernel(out, x):
        right(out, x)
        if out.dense > 0 and (end := _end(out)) is not None:
            whole(out)[end] = 0

    return kernel


@wrong("sin", "writes one element before the result", like="a backward loop to >= -1")
def writes_before_the_start(right):
    def kernel(out, x):
        right(out, x)
        if out.dense > 0 and out.offset:
            whole(out)[out.offset - 1] = 0

    return kernel


@wrong(
    "sum",
    "adds 0 times the element behind the operand",
    like="a tail masked by a factor of 0: NaN * 0 is NaN",
)
def reads_past_the_end(right):
    def kernel(out, x, *, dim):
        right(out, x, dim=dim)
        if x.dense > 0 and out.dtype.is_floating_point and (end := _end(x)) is not None:
            with np.errstate(invalid="ignore"):
                array(out)[...] += whole(x)[end] * whole(x).dtype.type(0)

    return kernel


@wrong(
    "log", "allocates scratch memory and never gives it back", like="a workspace freed on the usual path only"
)
def leaks(right):
    def kernel(out, x):
        right(out, x)
        out.device.runtime.allocate(max(1, out.shape.elements * out.dtype.itemsize))

    return kernel


@wrong(
    "exp2",
    "keeps a little host memory per call",
    like="a descriptor created per launch and never destroyed",
    backend="cpu",
)
def leaks_host_memory(right):
    descriptors = []

    def kernel(out, x):
        right(out, x)
        descriptors.append(bytearray(2048))

    return kernel


@wrong("cos", "keeps its operand until the next call", like="a closure that captures tensors", backend="cpu")
def keeps_its_operand(right):
    kept = {}

    def kernel(out, x):
        right(out, x)
        kept["x"] = x

    return kernel


@wrong("floor", "keeps all its results", like="a cache keyed by the result")
def keeps_its_result(right):
    kept = []

    def kernel(out, x):
        right(out, x)
        kept.append(out)

    return kernel


@wrong(
    "log_softmax",
    "subtracts the maximum in the operand itself",
    like="an operand used as scratch memory",
    backend="cpu",
)
def changes_its_operand(right):
    def kernel(out, x, *, dim):
        right(out, x, dim=dim)
        if x.shape.elements and x.shape:
            array(x)[...] -= array(x).max(dim, keepdims=True)

    return kernel


@wrong(
    "remainder",
    "writes the quotient into the result and reads the operand after that",
    like="two passes that forget in-place calls",
)
def operand_is_the_result(right):
    def kernel(out, a, b):
        if out.dtype.name not in ("float32", "float64"):
            right(out, a, b)
            return
        with np.errstate(all="ignore"):
            array(out)[...] = np.floor(array(a) / array(b))
            exact = array(out).copy()
            if out.storage is a.storage:
                array(out)[...] = array(a) - exact * array(b)
            else:
                right(out, a, b)

    return kernel


WRONG = found_in(globals())
