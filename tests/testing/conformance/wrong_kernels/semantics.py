"""Kernels that compute something else: a neighbour of what the op means."""

from __future__ import annotations

import numpy as np

from wrong_kernels.planting import found_in, wrong
from wrong_kernels.reading import array, fresh


@wrong("floor_divide", "truncates toward zero", like="/ of C")
def truncates(right):
    def kernel(out, a, b):
        right(out, a, b)
        if not out.dtype.is_floating_point and out.shape.elements:
            quotient = array(a) // array(b)
            array(out)[...] = quotient + ((array(a) % array(b) != 0) & (quotient < 0))

    return kernel


@wrong("remainder", "gives 0 for a divisor of 0", like="a guard against the trap in place of the error")
def division_by_zero_passes(right):
    def kernel(out, a, b):
        if not out.dtype.is_floating_point and not array(b).all():
            with np.errstate(all="ignore"):
                array(out)[...] = np.remainder(array(a), array(b))
        else:
            right(out, a, b)

    return kernel


@wrong(
    "prod", "leaves the product of nothing as it found it", like="a loop that never runs, and sets nothing"
)
def empty_reduction(right):
    def kernel(out, x, *, dim):
        old = array(out).copy()
        right(out, x, dim=dim)
        if not x.shape.elements:
            array(out)[...] = np.where(old == 1, 0, old)

    return kernel


@wrong("argmax", "gives the last of equal elements", like=">= in place of >")
def last_of_equals(right):
    def kernel(out, x, *, dim):
        if not x.shape or x.dtype.name == "bfloat16" or np.isnan(array(x).astype(np.float64)).any():
            right(out, x, dim=dim)
        else:
            flipped = np.flip(array(x), dim)
            array(out)[...] = x.shape[dim] - 1 - np.argmax(flipped, dim, keepdims=True)

    return kernel


@wrong("sort", "orders equal elements as it likes", like="quicksort", backend="cpu")
def unstable(right):
    def kernel(out, x, *, dim, descending):
        right(out, x, dim=dim, descending=descending)
        if x.shape and x.shape[dim] > 1:
            values, indices = (np.moveaxis(array(v), dim, -1) for v in out)
            equal = (values[..., :-1] == values[..., 1:]).nonzero()
            if equal[0].size:
                first = tuple(part[0] for part in equal)
                second = (*first[:-1], first[-1] + 1)
                indices[first], indices[second] = indices[second], indices[first]

    return kernel


@wrong(
    "gather",
    "takes the last element for an index too large",
    like="a clamp that keeps the kernel from crashing",
)
def index_is_clamped(right):
    def kernel(out, x, index, *, dim):
        size = x.shape[dim] if x.shape else 1
        right(out, x, fresh(index, np.clip(array(index), 0, max(size - 1, 0))), dim=dim)

    return kernel


@wrong(
    "index_add",
    "keeps one addend where an index repeats",
    like="out[index] += src, or additions that are not atomic",
    backend="cpu",
)
def loses_duplicates(right):
    def kernel(out, index, src, *, dim):
        if not out.shape or not index.shape.elements:
            right(out, index, src, dim=dim)
            return
        before = fresh(out, array(out))
        right(before, index, src, dim=dim)  # refuses wrong indices
        np.moveaxis(array(out), dim, 0)[array(index)] += np.moveaxis(array(src), dim, 0)

    return kernel


@wrong(
    "conv2d_weight_grad",
    "leaves the last sample of the batch out",
    like="a wrong gradient for one operand only",
    backend="cpu",
)
def gradient_of_one_operand(right):
    def kernel(out, g, x, **attrs):
        if x.shape[0] > 1:
            g = fresh(g, array(g))
            array(g)[-1] = 0
        right(out, g, x, **attrs)

    return kernel


@wrong(
    "lstm_cell_backward",
    "forgets the gradient that comes through the cell state",
    like="a term left out of one operand's gradient",
    backend="cpu",
)
def forgets_the_cell(right):
    def kernel(out, dh, dc, activated, c_prev, c):
        right(out, dh, None if dc is None else fresh(dc, 0), activated, c_prev, c)

    return kernel


@wrong(
    "adam_step",
    "corrects the bias as in step 1",
    like="a step count baked into the kernel: wrong from step 2 on",
    backend="cpu",
)
def always_step_one(right):
    def kernel(out, grad, hyper):
        values = array(hyper).copy()
        values[5] = 1
        right(out, grad, fresh(hyper, values))

    return kernel


@wrong(
    "cross_entropy_backward",
    "gives ignored rows a gradient",
    like="ignore_index respected in the forward pass only",
    backend="cpu",
)
def ignores_ignore_index(right):
    def kernel(out, g, log_probs, target, weight=None, *, ignore_index):
        labels = array(target)
        classes = fresh(target, np.where(labels == ignore_index, 0, labels))
        right(out, g, log_probs, classes, weight, ignore_index=-100)

    return kernel


@wrong(
    "attention", "hides the key of the query's own position", like="j < i in place of j <= i", backend="cpu"
)
def mask_is_off_by_one(right):
    def kernel(out, q, k, v, mask=None, *, causal, scale):
        right(out, q, k, v, mask, causal=causal, scale=scale)
        if causal and q.shape.elements and k.shape.elements:
            scores = np.einsum("bhtd,bhsd->bhts", array(q), array(k)).astype(np.float64) * scale
            if mask is not None:
                scores = scores + array(mask)
            hidden = np.triu(np.ones(scores.shape[-2:], bool), 0)
            hidden[0, 0] = False  # the first query sees something
            scores = np.where(hidden, -np.inf, scores)
            with np.errstate(all="ignore"):
                weights = np.exp(scores - scores.max(-1, keepdims=True))
                weights /= weights.sum(-1, keepdims=True)
            array(out[0])[...] = np.einsum("bhts,bhsd->bhtd", np.nan_to_num(weights), array(v))

    return kernel


@wrong("max_pool2d", "pads with 0", like="padding that wins over negative elements", backend="cpu")
def pads_with_zero(right):
    def kernel(out, x, *, kernel_size, stride, padding, dilation):
        attrs = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation}
        right(out, x, **attrs)
        if any(padding):
            border = np.zeros(out[0].shape, bool)
            border[..., 0, :] |= padding[0] > 0
            border[..., :, 0] |= padding[1] > 0
            values = array(out[0])
            values[border] = np.maximum(values[border], 0)

    return kernel


@wrong("avg_pool2d", "counts the padding always", like="count_include_pad not looked at", backend="cpu")
def counts_the_padding(right):
    def kernel(out, x, *, count_include_pad, **attrs):
        right(out, x, count_include_pad=True, **attrs)

    return kernel


@wrong(
    "batch_norm",
    "divides the variance by n - 1",
    like="the running variance's estimate used for the batch",
    backend="cpu",
)
def unbiased_variance(right):
    def kernel(out, x, weight=None, bias=None, *, eps):
        right(out, x, weight, bias, eps=eps)
        y, _, rstd = out
        count = x.shape.elements // x.shape[1] if x.shape[1] else 0
        if count > 1:
            variance = (1 / array(rstd) ** 2 - eps) * count / (count - 1)
            factor = 1 / np.sqrt(variance + eps) / array(rstd)
            array(rstd)[...] *= factor
            shape = (1, -1, *[1] * (len(x.shape) - 2))
            shift = 0 if bias is None else array(bias).reshape(shape)
            array(y)[...] = (array(y) - shift) * factor.reshape(shape) + shift

    return kernel


@wrong("random_bits", "starts at the next block of the stream", like="a counter increased before its use")
def next_block(right):
    def kernel(out, state):
        seed, offset = array(state)
        right(out, fresh(state, [seed, offset + 1]))

    return kernel


@wrong(
    "random_normal", "draws the last few numbers from another block", like="a tail with a counter of its own"
)
def other_bits_for_the_tail(right):
    def kernel(out, state):
        right(out, state)
        count = out.shape.elements % 4
        if count:
            seed, offset = array(state)
            other = fresh(out, 0)
            right(other, fresh(state, [seed, offset + 7]))
            flat = array(out).reshape(-1)
            flat[-count:] = array(other).reshape(-1)[-count:]
            array(out)[...] = flat.reshape(out.shape)

    return kernel


@wrong(
    "random_uniform",
    "scales all 32 bits, so that 1.0 is possible",
    like="(float)word * 2^-32, which rounds up",
    dtypes="float32",
)
def uniform_may_be_one(right):
    def kernel(out, state):
        count = out.shape.elements
        wide = fresh(out, 0)
        right(wide, state)
        upper = array(wide).astype(np.float64).reshape(-1)
        # the lower 8 bits that the right kernel drops, all ones: what rounds up to 1.0 at the end
        array(out)[...] = (upper + (2**8 - 1) * 2.0**-32)[:count].astype(np.float32).reshape(out.shape)

    return kernel


WRONG = found_in(globals())
