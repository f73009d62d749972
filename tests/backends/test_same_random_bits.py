"""Random numbers are defined by bits: every backend gives those of the reference backend."""

from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

from rustorch.shape import Shape
from rustorch_reference.dtypes import NUMPY

OTHERS = ["cpu"]
STATES = [(0, 0), (67280421310721, 5), (-1, -2), (2**63 - 1, 2**32 - 3)]
SHAPES = [(), (0,), (1,), (6,), (3, 7), (30011,)]
CASES = [
    ("random_bits", "int32"),
    ("random_uniform", "float16"),
    ("random_uniform", "bfloat16"),
    ("random_uniform", "float32"),
    ("random_uniform", "float64"),
    ("random_normal", "float32"),
    ("random_normal", "float64"),
]


class Backend:
    """A backend used through its hooks alone."""

    def __init__(self, name):
        plugin = import_module(f"rustorch_{name}.plugin")
        self.runtime = plugin.rustorch_open(name, 0)
        self.kernels = plugin.rustorch_kernels(name, self.runtime.info())

    def kernel(self, op, dtype):
        return next((k for k in self.kernels if k.op == op and dtype in k.dtypes), None)

    def view(self, array, dtype):
        buffer = self.runtime.allocate(array.nbytes)
        self.runtime.copy_from_host(buffer, 0, memoryview(array.reshape(-1).view(np.uint8)))
        shape = Shape(array.shape)
        return SimpleNamespace(
            storage=SimpleNamespace(buffer=buffer),
            address=buffer,
            dense=shape.elements,
            offset=0,
            shape=shape,
            strides=shape.strides,
            dtype=SimpleNamespace(name=dtype, itemsize=array.itemsize),
        )

    def draw(self, op, dtype, state, shape):
        """Return the bytes that a random op writes."""
        result = np.zeros(shape, NUMPY[dtype])
        out = self.view(result, dtype)
        self.kernel(op, dtype).fn(out, self.view(np.array(state, np.int64), "int64"))
        raw = result.reshape(-1).view(np.uint8)
        self.runtime.synchronize()
        self.runtime.copy_to_host(memoryview(raw), out.storage.buffer, 0)
        return raw.tobytes()


@pytest.fixture(scope="module")
def reference():
    return Backend("reference")


@pytest.fixture(scope="module", params=OTHERS)
def other(request):
    try:
        return Backend(request.param)
    except ImportError as error:
        pytest.skip(f"the {request.param} backend is not built: {error}")


@pytest.mark.parametrize(("op", "dtype"), CASES)
def test_same_bits(reference, other, op, dtype):
    if other.kernel(op, dtype) is None:
        pytest.skip(f"this backend has no kernel of its own for {op} in {dtype}")
    for state in STATES:
        for shape in SHAPES:
            expected = reference.draw(op, dtype, state, shape)
            assert other.draw(op, dtype, state, shape) == expected, (state, shape)
