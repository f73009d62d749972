"""Kernels that remember: what ran before changes what runs now, or order is left to chance."""

from __future__ import annotations

import threading
import time

import numpy as np

from wrong_kernels.planting import found_in, wrong
from wrong_kernels.reading import array, fresh


@wrong(
    "sum",
    "keeps the number of elements of the first call of each rank",
    like="a cached graph whose key lacks the sizes",
)
def plan_of_the_first_shape(right):
    seen = {}

    def kernel(out, x, *, dim):
        right(out, x, dim=dim)
        if not x.shape.elements or not dim:
            return
        axis = dim[-1]
        count = seen.setdefault((len(x.shape), dim), x.shape[axis])
        if count < x.shape[axis]:
            values = np.take(array(x), range(count), axis)
            array(out)[...] = values.sum(dim, keepdims=True)

    return kernel


@wrong(
    "amax",
    "sees what a larger call before left in the workspace",
    like="scratch memory that is reused and not cleared",
)
def leftovers_of_a_larger_call(right):
    workspace = np.zeros(0)

    def kernel(out, x, *, dim):
        nonlocal workspace
        right(out, x, dim=dim)
        if out.dtype.name not in ("float32", "float64"):
            return
        values = array(x).reshape(-1).astype(np.float64)
        if values.size < workspace.size and len(dim) == len(x.shape):
            array(out)[...] = np.maximum(array(out), workspace[values.size :].max())
        else:
            workspace = values

    return kernel


@wrong(
    "layer_norm_backward",
    "scales the gradient of the weight by the first batch size that it saw",
    like="gradients wrong only if another batch size ran before, pytorch/pytorch#177116",
    backend="cpu",
)
def gradient_of_another_batch(right):
    rows = None

    def kernel(out, g, x, mean, rstd, weight=None, *, ndim):
        nonlocal rows
        right(out, g, x, mean, rstd, weight, ndim=ndim)
        count = mean.shape.elements
        rows = rows or count
        if count:
            array(out[1])[...] *= rows / count

    return kernel


@wrong(
    "layer_norm_backward",
    "leaves the mean in the gradient of the weight where the input needs no gradient",
    like="layer_norm weight gradients wrong only for a frozen input, pytorch/pytorch#183825",
    backend="cpu",
)
def gradient_beside_a_frozen_input(right):
    def kernel(out, g, x, mean, rstd, weight=None, *, ndim):
        right(out, g, x, mean, rstd, weight, ndim=ndim)
        if not x.needs_grad:
            lead = tuple(range(len(x.shape) - ndim))
            array(out[1])[...] = (array(g) * array(x) * array(rstd)).sum(lead)

    return kernel


@wrong("scatter", "adds in the order in which threads arrive", like="atomic additions of floats")
def order_left_to_chance(right):
    chance = np.random.default_rng()

    def kernel(out, index, src, *, dim, mode):
        if mode != "add" or out.dtype.name != "float32" or len(index.shape) != 1:
            right(out, index, src, dim=dim, mode=mode)
            return
        order = chance.permutation(index.shape[0])
        right(out, fresh(index, array(index)), fresh(src, 0), dim=dim, mode=mode)  # refuses wrong indices
        for place, value in zip(array(index)[order], array(src)[: index.shape[0]][order], strict=True):
            array(out)[place] += value  # rounded each time

    return kernel


@wrong("tanh", "returns before the work is done", like="a launch on another stream that nobody waits for")
def forgets_to_synchronise(right):
    def kernel(out, x):
        operand = fresh(x, array(x))

        def work():
            time.sleep(0.002)
            right(out, operand)

        threading.Thread(target=work).start()

    return kernel


@wrong(
    "amin",
    "keeps intermediate values in memory that all threads share",
    like="a static buffer in a C function",
)
def scratch_of_all_threads(right):
    scratch = {}

    def kernel(out, x, *, dim):
        scratch["values"] = array(x).copy()
        time.sleep(1e-5)  # others run
        mixed = scratch["values"]
        right(out, fresh(x, mixed) if mixed.shape == x.shape and mixed.dtype == x.dtype.numpy else x, dim=dim)

    return kernel


WRONG = found_in(globals())
