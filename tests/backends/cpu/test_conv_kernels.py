"""conv2d and its gradients against a float64 sum over taps, for every instruction set."""

import itertools

import numpy as np
import pytest

TOLERANCE = {"float32": 2e-5, "float64": 1e-12}

pytestmark = pytest.mark.usefixtures("each_isa")

# n, c, h, w, o, (kh, kw), stride, padding, dilation, groups
CASES = [
    (2, 3, 8, 9, 4, (3, 3), (1, 1), (1, 1), (1, 1), 1),
    (1, 1, 12, 12, 6, (5, 5), (1, 1), (0, 0), (1, 1), 1),
    (3, 4, 7, 7, 20, (3, 3), (2, 2), (1, 1), (1, 1), 1),
    (2, 5, 11, 10, 3, (3, 2), (2, 3), (2, 1), (1, 1), 1),
    (2, 4, 15, 13, 6, (3, 3), (1, 1), (2, 2), (2, 2), 2),
    (1, 6, 17, 18, 9, (2, 3), (3, 2), (1, 2), (3, 2), 3),
    (2, 4, 10, 10, 5, (3, 3), (2, 2), (0, 0), (2, 2), 1),
    (2, 4, 10, 11, 6, (3, 3), (4, 4), (1, 1), (2, 2), 1),
    (2, 16, 9, 9, 33, (1, 1), (1, 1), (0, 0), (1, 1), 1),
    (2, 16, 9, 9, 33, (1, 1), (2, 2), (0, 0), (1, 1), 1),
    (2, 16, 9, 9, 8, (1, 1), (1, 1), (1, 1), (1, 1), 1),
    (2, 6, 20, 21, 6, (3, 3), (1, 1), (1, 1), (1, 1), 6),
    (2, 6, 20, 21, 12, (3, 3), (2, 2), (1, 1), (1, 1), 6),
    (1, 3, 9, 40, 3, (5, 1), (1, 2), (4, 0), (2, 1), 3),
    (1, 2, 1, 30, 4, (1, 7), (1, 1), (0, 3), (1, 1), 1),
    (1, 2, 5, 1, 4, (3, 1), (1, 1), (1, 0), (1, 1), 1),
    (2, 3, 3, 3, 2, (3, 3), (1, 1), (0, 0), (1, 1), 1),
    (2, 3, 2, 2, 2, (3, 3), (1, 1), (3, 3), (1, 1), 1),
    (0, 3, 8, 8, 2, (3, 3), (1, 1), (1, 1), (1, 1), 1),
    (1, 2, 40, 37, 3, (3, 3), (2, 1), (1, 1), (1, 1), 1),
    (5, 64, 14, 14, 40, (3, 3), (1, 1), (1, 1), (1, 1), 1),
    (40, 8, 16, 16, 8, (3, 3), (1, 1), (1, 1), (1, 1), 1),
    (1, 128, 6, 6, 150, (3, 3), (2, 2), (1, 1), (1, 1), 1),
    (1, 2, 70, 33, 3, (5, 5), (1, 1), (2, 2), (1, 1), 1),
    (2, 6, 9, 50, 12, (3, 3), (1, 1), (2, 2), (2, 2), 6),
    (2, 5, 6, 20, 5, (1, 1), (1, 1), (0, 0), (1, 1), 5),
    (3, 6, 12, 31, 9, (2, 4), (1, 1), (1, 4), (2, 1), 3),
    (1, 60, 5, 65, 7, (3, 3), (1, 1), (0, 1), (1, 1), 1),
    (2, 4, 1, 130, 4, (1, 9), (1, 1), (0, 8), (1, 1), 4),
    (2, 3, 2, 1, 6, (3, 3), (1, 1), (4, 4), (1, 1), 3),
]

# Rows of few pixels have kernels of their own, per width, images together and step; the last cases are those at the
# limits of what these do.
IMAGES = {2: (1, 4, 9), 3: (1, 5), 4: (1, 2, 7), 5: (1, 3), 6: (1, 3), 7: (1, 3)}
NARROW = [
    (n, 32, 4 * step, step * width, 32, (3, 3), (step, step), (1, 1), (1, 1), 1)
    for width in range(2, 15)
    for n in IMAGES.get(width, (1,))
    for step in (1, 2)
]
NARROW += [  # rows in parts
    (2, 32, 3 * step, step * width, 32, (3, taps), (step, step), (1, 1), (1, 1), 1)
    for width in (15, 16, 17, 28, 31, 40)
    for taps in (2, 3)
    for step in (1, 2)
]
NARROW += [
    (9, 32, 6, 8, 160, (3, 3), (1, 1), (1, 1), (1, 1), 1),
    (3, 64, 6, 9, 96, (3, 5), (1, 1), (0, 1), (1, 1), 2),
    (2, 32, 9, 9, 50, (2, 2), (1, 1), (0, 0), (1, 1), 1),
    (2, 32, 8, 8, 64, (3, 3), (2, 1), (1, 1), (1, 1), 1),
    (2, 32, 9, 11, 64, (3, 3), (2, 2), (1, 1), (1, 1), 1),
    (2, 32, 5, 8, 64, (3, 3), (1, 1), (4, 1), (2, 1), 1),
    (2, 32, 8, 8, 64, (3, 2), (1, 1), (1, 1), (1, 2), 1),
    (2, 32, 8, 8, 64, (3, 3), (1, 1), (2, 2), (2, 2), 1),
]
CASES += NARROW


class Reference:
    """The definition: output pixel times stride plus tap times dilation is the padded input pixel."""

    def __init__(self, case, random, dtype):
        n, c, h, w, o, kernel, stride, padding, dilation, groups = case
        self.attributes = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        self.kernel, self.groups = kernel, groups
        self.out_size = tuple(
            (size + 2 * p - d * (k - 1) - 1) // s + 1
            for size, k, s, p, d in zip((h, w), kernel, stride, padding, dilation, strict=True)
        )
        self.x = random.standard_normal((n, c, h, w)).astype(dtype)
        self.weight = random.standard_normal((o, c // groups, *kernel)).astype(dtype)
        self.bias = random.standard_normal(o).astype(dtype)
        self.g = random.standard_normal((n, o, *self.out_size)).astype(dtype)

    def padded(self, x):
        (ph, pw) = self.attributes["padding"]
        return np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))

    def tap(self, padded, r, s):
        """Return what all output pixels see through one tap, channels split by group."""
        (sh, sw), (dh, dw) = self.attributes["stride"], self.attributes["dilation"]
        (oh, ow) = self.out_size
        seen = padded[
            :, :, r * dh : r * dh + (oh - 1) * sh + 1 : sh, s * dw : s * dw + (ow - 1) * sw + 1 : sw
        ]
        return seen.reshape(len(seen), self.groups, seen.shape[1] // self.groups, oh, ow)

    def taps(self):
        return itertools.product(range(self.kernel[0]), range(self.kernel[1]))

    def grouped(self, x):
        """Return (n, o, ...) as (n, groups, o / groups, ...)."""
        return x.astype(np.float64).reshape(len(x), self.groups, x.shape[1] // self.groups, *x.shape[2:])

    def grouped_weight(self):
        return self.weight.astype(np.float64).reshape(self.groups, -1, *self.weight.shape[1:])

    def forward(self):
        padded, weight = self.padded(self.x.astype(np.float64)), self.grouped_weight()
        out = np.zeros_like(self.grouped(self.g))
        for r, s in self.taps():
            out += np.einsum("goc,ngchw->ngohw", weight[..., r, s], self.tap(padded, r, s))
        return out.reshape(self.g.shape) + self.bias[:, None, None]

    def input_grad(self):
        padded, g, weight = self.padded(np.zeros(self.x.shape)), self.grouped(self.g), self.grouped_weight()
        for r, s in self.taps():
            self.tap(padded, r, s)[...] += np.einsum("goc,ngohw->ngchw", weight[..., r, s], g)
        (ph, pw), (h, w) = self.attributes["padding"], self.x.shape[2:]
        return padded[:, :, ph : ph + h, pw : pw + w]

    def weight_grad(self):
        padded, g = self.padded(self.x.astype(np.float64)), self.grouped(self.g)
        out = np.zeros(self.grouped_weight().shape)
        for r, s in self.taps():
            out[..., r, s] = np.einsum("ngohw,ngchw->goc", g, self.tap(padded, r, s))
        return out.reshape(self.weight.shape)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    """Names of the types that the kernels exist for."""
    return request.param


def check(actual, expected, dtype):
    """Compare; sums grow with the square root of their length, and so does the tolerance's unit."""
    scale = np.abs(expected).max(initial=1.0)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("case", CASES)
def test_forward(run, random, dtype, case):
    r = Reference(case, random, dtype)
    out = np.full_like(r.g, np.nan)
    check(run("conv2d", out, r.x, r.weight, r.bias, **r.attributes), r.forward(), dtype)


@pytest.mark.parametrize("case", CASES)
def test_input_grad(run, random, dtype, case):
    r = Reference(case, random, dtype)
    out = np.full_like(r.x, np.nan)
    check(run("conv2d_input_grad", out, r.g, r.weight, **r.attributes), r.input_grad(), dtype)


@pytest.mark.parametrize("case", CASES)
def test_weight_grad(run, random, dtype, case):
    r = Reference(case, random, dtype)
    out = np.full_like(r.weight, np.nan)
    check(run("conv2d_weight_grad", out, r.g, r.x, **r.attributes), r.weight_grad(), dtype)


def test_without_bias(run, random):
    r = Reference(CASES[0], random, "float64")
    out = run("conv2d", np.empty_like(r.g), r.x, r.weight, None, **r.attributes)
    check(out, r.forward() - r.bias[:, None, None], "float64")


@pytest.mark.parametrize("case", [CASES[0], CASES[11], (1, 32, 8, 8, 32, (3, 3), (1, 1), (1, 1), (1, 1), 1)])
def test_nan_reaches_only_the_pixels_that_see_it(run, random, case):
    r = Reference(case, random, "float32")
    r.x[0, 0, 4, 5] = np.nan
    out = run("conv2d", np.zeros_like(r.g), r.x, r.weight, r.bias, **r.attributes)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(r.forward()))
