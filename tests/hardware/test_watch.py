"""Kernels run amid guards: what they write beside their result, and what they leave unwritten."""

from __future__ import annotations

import numpy as np
import pytest

import rustorch
from rustorch.hardware.memory import made, read
from rustorch.hardware.watch import watched

FLOAT = rustorch.float32
DEVICE = rustorch.device("reference")


def whole(view):
    """Return all of the memory that a view of the reference backend looks at."""
    return np.asarray(view.storage.buffer).view(view.dtype.numpy)


def tensor(values, strides=None, offset=0):
    return made(np.asarray(values, np.float32), FLOAT, DEVICE, strides, offset)


def run(kernel, out, *inputs, op="neg"):
    return watched(op, FLOAT, kernel, out, inputs, {})


def right(out, x):
    rustorch.neg(x, out=out)


def test_a_right_kernel():
    x, out = tensor([[1, 2], [3, 4]]), tensor([[0, 0], [0, 0]])
    ran = run(right, out, x)
    assert (ran.trespass, ran.error) == ("", None)
    np.testing.assert_array_equal(ran.results[0], [[-1, -2], [-3, -4]])
    np.testing.assert_array_equal(read(out), ran.results[0])
    np.testing.assert_array_equal(ran.call.inputs[0].values, [[1, 2], [3, 4]])
    assert ran.call.outs[0].values is None


@pytest.mark.parametrize("strides", [(1, 2), (4, 2), (-2, -1), (6, -3)])
def test_geometry_is_kept(strides):
    x, out = tensor([[1, 2], [3, 4]], strides, 5), tensor([[0, 0], [0, 0]], strides, 1)
    seen = []

    def kernel(out, x):
        seen.extend([(tuple(x.shape), tuple(x.strides)), (tuple(out.shape), tuple(out.strides))])
        right(out, x)

    ran = run(kernel, out, x)
    assert seen == [((2, 2), strides)] * 2
    assert ran.trespass == ""
    np.testing.assert_array_equal(read(out), [[-1, -2], [-3, -4]])
    assert ran.call.inputs[0].strides == strides


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (-1, "element 1 before it was written"),
        (-3, "element 3 before it"),
        (4, "element 1 behind it was written"),
    ],
)
def test_beside_the_result(place, text):
    def kernel(out, x):
        right(out, x)
        whole(out)[out.offset + place] = 7

    assert f"beside result 0: {text}" in run(kernel, tensor([0, 0, 0, 0]), tensor([1, 2, 3, 4])).trespass


def test_between_the_elements_of_a_strided_result():
    def kernel(out, x):
        right(out, x)
        whole(out)[out.offset + 1] = 7

    ran = run(kernel, tensor([0, 0, 0], (2,)), tensor([1, 2, 3]))
    assert ran.trespass == "beside result 0: an element between its own was written"


def test_into_an_operand():
    def kernel(out, x):
        right(out, x)
        whole(x)[x.offset + 2] = 9

    ran = run(kernel, tensor([0, 0, 0]), tensor([1, 2, 3]))
    assert ran.trespass == "operand 0: its element at 2 was changed from 3.0 to 9.0"


def test_in_place_is_no_trespass():
    x = tensor([1, 2, 3])
    ran = run(right, x, x)
    assert ran.trespass == ""
    np.testing.assert_array_equal(read(x), [-1, -2, -3])
    assert ran.call.inputs[0].same_as_result == 0
    np.testing.assert_array_equal(ran.call.outs[0].values, [1, 2, 3])
    out, (again,) = ran.call.build(DEVICE)
    assert out is again


def test_what_is_not_written_is_not_a_plausible_value():
    out = tensor([-1, -2, -3])
    ran = run(lambda out, x: None, out, tensor([1, 2, 3]))
    assert np.isnan(ran.results[0]).all()


def test_an_error_is_kept():
    def kernel(out, x):
        raise ValueError("no")

    assert str(run(kernel, tensor([0]), tensor([1])).error) == "no"


@pytest.mark.parametrize("shape", [(0,), (2, 0), ()])
def test_empty_and_0d(shape):
    ran = run(right, tensor(np.zeros(shape)), tensor(np.ones(shape)))
    assert ran.trespass == ""
    np.testing.assert_array_equal(ran.results[0], -np.ones(shape))


def test_an_expanded_operand_is_read_once():
    x = tensor([[1, 2, 3], [1, 2, 3]], (0, 1))
    ran = run(right, tensor(np.zeros((2, 3))), x)
    assert ran.trespass == ""
    np.testing.assert_array_equal(ran.results[0], [[-1, -2, -3]] * 2)
