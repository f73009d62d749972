"""Run kernels of the cpu backend on NumPy arrays, with every instruction set that this machine has."""

from types import SimpleNamespace

import numpy as np
import pytest

from rustorch.base import TensorBase
from rustorch.shape import Shape
from rustorch_cpu.kernels import all_kernels
from rustorch_cpu.native import isa, set_isa, supported_isas

KERNELS = {(kernel.op, dtype): kernel.fn for kernel in all_kernels() for dtype in kernel.dtypes}


def make_view(array, dtype=None):
    """Return an operand view of `array`'s own memory; `dtype` names what its bytes mean."""
    if array is None:
        return None
    shape = Shape(array.shape)
    strides = tuple(step // array.itemsize for step in array.strides)
    if array.flags.c_contiguous:
        strides = shape.strides
    view = object.__new__(TensorBase)  # kernels in C look at nothing else
    view.address = array.ctypes.data
    view.dense = shape.elements if strides is shape.strides else -1
    view.shape = shape
    view.strides = strides
    view.dtype = SimpleNamespace(name=dtype or array.dtype.name, itemsize=array.itemsize)
    return view


def run(op, out, *inputs, dtype=None, kernel_dtype=None, **attributes):
    """Call one kernel; `out` is an array or a tuple of arrays, and is returned.

    The kernel is that of `kernel_dtype`, else of the first input; `dtype` says what the bytes of all mean.
    """
    outs = out if isinstance(out, tuple) else (out,)
    views = tuple(make_view(x, dtype) for x in outs)
    fn = KERNELS[op, kernel_dtype or dtype or next(x for x in inputs if x is not None).dtype.name]
    fn(views if isinstance(out, tuple) else views[0], *(make_view(x, dtype) for x in inputs), **attributes)
    return out


@pytest.fixture(name="run")
def run_fixture():
    """The function `run` above."""
    return run


@pytest.fixture(name="make_view")
def make_view_fixture():
    """The function `make_view` above."""
    return make_view


@pytest.fixture
def kernel_of():
    """A function from an op and the name of a dtype to the kernel's function."""
    return lambda op, dtype: KERNELS[op, dtype]


@pytest.fixture(params=supported_isas())
def each_isa(request):
    """Select one instruction set after the other."""
    before = isa()
    set_isa(request.param)
    yield request.param
    set_isa(before)


@pytest.fixture
def random():
    """A seeded generator."""
    return np.random.default_rng(0)
