"""Run a kernel on plain arrays, in every memory layout, and round without NumPy's or ml_dtypes' help."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from rustorch.shape import Shape
from rustorch_reference.dtypes import NUMPY
from rustorch_reference.kernels import KERNELS

BY_NAME = {kernel.op: kernel for kernel in KERNELS}
NAME_OF = {dtype: name for name, dtype in NUMPY.items()}

#: layout -> how an array of `shape` lies in a long 1-D array.
LAYOUTS = {
    "contiguous": lambda flat, shape: flat[: math.prod(shape)].reshape(shape),
    "offset": lambda flat, shape: flat[3 : 3 + math.prod(shape)].reshape(shape),
    "gaps": lambda flat, shape: flat[: 2 * math.prod(shape)].reshape(*shape, 2)[..., 1],
    "reversed": lambda flat, shape: flat[: math.prod(shape)].reshape(shape)[
        (..., *[slice(None, None, -1)] * len(shape))
    ],
    "transposed": lambda flat, shape: flat[: math.prod(shape)].reshape(shape[::-1]).T,
}


def make_view(array, layout="contiguous"):
    """Return an operand view that holds a copy of `array`, and the whole memory that it lies in."""
    memory = np.zeros(2 * array.size + 8, array.dtype)
    placed = LAYOUTS[layout](memory, array.shape)
    placed[...] = array
    first = LAYOUTS[layout](np.arange(memory.size), array.shape).reshape(-1)[:1]
    view = SimpleNamespace(
        storage=SimpleNamespace(buffer=memory.view(np.uint8)),
        offset=int(first[0]) if first.size else 0,
        shape=Shape(array.shape),
        strides=tuple(step // array.itemsize for step in placed.strides),
        dtype=SimpleNamespace(name=NAME_OF[array.dtype], itemsize=array.itemsize),
    )
    return view, memory


def run(op, *inputs, out=None, shape=None, dtype=None, layout="contiguous", **attributes):
    """Run one kernel; return what is in `out` afterwards.

    `out` is its content before; without it, `out` is like the first input up to `shape` and `dtype`.
    """
    if out is None:
        shape = inputs[0].shape if shape is None else shape
        out = np.zeros(shape, NUMPY[dtype] if dtype else inputs[0].dtype)
    target, memory = make_view(out, layout)
    inside = LAYOUTS[layout](np.arange(memory.size), out.shape)
    outside = np.setdiff1d(np.arange(memory.size), inside)
    BY_NAME[op].fn(target, *(make_view(x, layout)[0] for x in inputs), **attributes)
    assert not memory[outside].any(), "wrote outside of `out`"
    return memory[inside]


@pytest.fixture(params=LAYOUTS)
def call(request):
    """`run`, once per layout; all operands have the same layout."""
    return lambda op, *inputs, **more: run(op, *inputs, layout=request.param, **more)


@pytest.fixture
def call_contiguous():
    return run


@pytest.fixture
def view_of():
    """Return an operand view of an array."""
    return lambda array: make_view(array)[0]


@pytest.fixture
def dtypes_of():
    """Return the dtypes of an op."""
    return lambda op: sorted(BY_NAME[op].dtypes)


# (significant bits, exponent of the smallest subnormal, largest finite value)
FORMATS = {
    "float16": (11, -24, 65504.0),
    "bfloat16": (8, -133, 255 * 2.0**120),
    "float32": (24, -149, (2**24 - 1) * 2.0**104),
}


def round_float(x, dtype):
    """Round a Python float once to the nearest value of `dtype`, ties to even."""
    if dtype == "float64" or not math.isfinite(x) or x == 0:
        return x
    bits, smallest, largest = FORMATS[dtype]
    step = max(math.frexp(x)[1] - bits, smallest)
    result = math.copysign(math.ldexp(round(math.ldexp(x, -step)), step), x)
    return result if abs(result) <= largest else math.copysign(math.inf, x)


def round_value(x, dtype):
    """Turn a Python number into a value of `dtype`; integers keep their low bits."""
    if NUMPY[dtype].kind in "iu":
        low, high = np.iinfo(NUMPY[dtype]).min, np.iinfo(NUMPY[dtype]).max
        return (x - low) % (high - low + 1) + low
    if NUMPY[dtype].kind == "c":
        part = "float32" if dtype == "complex64" else "float64"
        return complex(round_float(x.real, part), round_float(x.imag, part))
    return bool(x) if dtype == "bool" else round_float(float(x), dtype)


@pytest.fixture
def rounded():
    """Return an array of `dtype` that holds the given Python numbers, each rounded once."""

    def make(values, dtype):
        return np.array([round_value(x, dtype) for x in values]).astype(NUMPY[dtype])

    return make


@pytest.fixture
def same():
    """Assert that two arrays have the same dtype, shape and values: NaN is NaN, and -0.0 is not 0.0."""

    def check(got, expected, ulps=0):
        assert got.dtype == expected.dtype
        assert got.shape == expected.shape
        wide = np.complex128 if got.dtype.kind == "c" else np.float64 if got.dtype.kind in "fV" else got.dtype
        got, expected = got.astype(wide), expected.astype(wide)
        if ulps:
            np.testing.assert_allclose(got, expected, rtol=ulps * 2.0**-52, atol=0)
        else:
            np.testing.assert_array_equal(got, expected)
        if wide is np.float64:
            zero = expected == 0
            np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(expected[zero]))

    return check
