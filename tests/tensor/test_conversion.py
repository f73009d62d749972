"""NumPy, DLPack, pickles, copies, Python numbers, printing."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import rustorch

FLOATS = ["float16", "bfloat16", "float32", "float64"]
INTS = ["uint8", "int8", "int16", "int32", "int64"]


@pytest.mark.host_memory("from_numpy shares the array's memory there")
def test_from_numpy_shares_memory_with_any_strides() -> None:
    array = np.arange(24.0).reshape(4, 6)
    for view in (array, array.T, array[::2, 1::2], array[::-1, ::-1], array[1]):
        x = rustorch.from_numpy(view)
        np.testing.assert_array_equal(x.to_numpy(), view)
        view[(0,) * view.ndim] = -5.0
        assert x[(0,) * view.ndim].item() == -5.0
        assert np.shares_memory(x.numpy(), array)


@pytest.mark.host_memory("numpy() shares the tensor's memory there")
def test_numpy_shares_memory_and_keeps_it_alive() -> None:
    x = rustorch.arange(6, dtype="float32").reshape(2, 3)
    array = x.t().numpy()
    array[0, 1] = 42.0
    assert x[1, 0].item() == 42.0
    del x
    assert array[0, 1] == 42.0


def test_read_only_arrays_are_copied() -> None:
    array = np.ones(3)
    array.flags.writeable = False
    x = rustorch.from_numpy(array)
    x.add_(1)
    assert array.tolist() == [1.0, 1.0, 1.0]


def test_numpy_of_a_tensor_that_requires_grad() -> None:
    x = rustorch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="requires grad.*\nHint: use x.detach"):
        x.numpy()
    assert x.to_numpy().tolist() == [1.0, 1.0]


@pytest.mark.host_memory("np.asarray shares the tensor's memory there")
def test_a_tensor_is_an_array_to_numpy() -> None:
    assert np.asarray(rustorch.ones(2)).dtype == np.float32


@pytest.mark.parametrize("name", [*FLOATS, *INTS, "bool", "complex64", "complex128"])
def test_every_dtype_survives_pickle_copy_and_numpy(name: str) -> None:
    x = rustorch.tensor([[0, 1], [1, 0]], dtype=name).t()
    for y in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x), copy.copy(x), rustorch.tensor(x), x.clone()):
        assert y.dtype.name == name
        assert y.shape == (2, 2)
        np.testing.assert_array_equal(y.to_numpy(), x.to_numpy())
    if name != "bfloat16":
        assert rustorch.from_numpy(x.to_numpy()).dtype.name == name


def test_pickle_keeps_requires_grad_and_attributes() -> None:
    x = rustorch.ones(2, requires_grad=True)
    x.note = "kept"
    y = pickle.loads(pickle.dumps(x))
    assert y.requires_grad
    assert y.note == "kept"


@pytest.mark.host_memory("DLPack hands host memory over")
def test_dlpack_both_ways() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    x = rustorch.from_dlpack(array)
    array[0, 0] = 9
    assert x[0, 0].item() == 9.0
    back = np.from_dlpack(x)
    assert np.shares_memory(back, array)


def test_numbers_in_tensors_make_tensors() -> None:
    two, six = rustorch.tensor(2.0), rustorch.tensor([6.0])
    assert rustorch.arange(two, six, rustorch.tensor(2)).tolist() == [2.0, 4.0]
    assert rustorch.linspace(two, six, 3).tolist() == [2.0, 4.0, 6.0]
    assert rustorch.arange(3).roll((rustorch.tensor(1),), (0,)).tolist() == [2, 0, 1]
    assert rustorch.logspace(two, six, 2, two).tolist() == [4.0, 64.0]
    assert rustorch.full((2,), two).tolist() == [2.0, 2.0]


def test_python_numbers() -> None:
    assert float(rustorch.tensor(1.5)) == 1.5
    assert int(rustorch.tensor([3])) == 3
    assert bool(rustorch.tensor([0.0])) is False
    assert [10, 20, 30][rustorch.tensor(1)] == 20
    assert rustorch.tensor([[1, 2]]).tolist() == [[1, 2]]
    with pytest.raises(
        ValueError, match=r"only a tensor of one element has a truth or number value, got shape \(2,\)"
    ):
        bool(rustorch.ones(2))
    with pytest.raises(ValueError, match="one element is required"):
        rustorch.ones(2).item()


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1, "int64"), (1.0, "float32"), (True, "bool"), ([1, 2.5], "float32"), ([], "float32"), (1j, "complex64"),
        (np.float64(1), "float64"), (np.arange(3, dtype=np.int16), "int16"),
    ],
)  # fmt: skip
def test_dtype_of_data(data: object, dtype: str) -> None:
    assert rustorch.tensor(data).dtype.name == dtype


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ("text", TypeError),
        ([[1], [1, 2]], ValueError),
        ([None], TypeError),
        ({"a": 1}, TypeError),
        (object(), TypeError),
    ],
)
def test_data_that_is_no_tensor(data: object, error: type[Exception]) -> None:
    with pytest.raises(error) as found:
        rustorch.tensor(data)
    assert isinstance(found.value, rustorch.RusTorchError)


def test_integers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="uint8 holds 0 to 255, got -1 to 300"):
        rustorch.tensor([-1, 300], dtype="uint8")


def test_shape_is_a_tuple_that_can_be_called() -> None:
    x = rustorch.zeros((2, 3))
    assert x.shape == (2, 3)
    assert x.shape() == [2, 3]
    assert x.dtype() == "float32"
    assert x.device() == str(rustorch.get_default_device())
    assert x.size() == (2, 3)
    assert x.size(-1) == 3


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (rustorch.tensor([1.0, 2.5]), "tensor([1.0000, 2.5000])"),
        (rustorch.tensor([1.0, 2.0]), "tensor([1., 2.])"),
        (rustorch.tensor([[1, -20], [3, 4]]), "tensor([[  1, -20],\n        [  3,   4]])"),
        (rustorch.tensor(3.0), "tensor(3.)"),
        (rustorch.tensor([True, False]), "tensor([ True, False])"),
        (rustorch.tensor([1e-9, 1.0]), "tensor([1.0000e-09, 1.0000e+00])"),
        (rustorch.tensor([float("nan"), float("inf")]), "tensor([nan, inf])"),
        (rustorch.zeros((0, 2)), "tensor([], size=(0, 2))"),
        (rustorch.tensor([1], dtype="int8"), "tensor([1], dtype=rustorch.int8)"),
        (rustorch.ones(1, requires_grad=True), "tensor([1.], requires_grad=True)"),
        (rustorch.ones(1, requires_grad=True) * 2, "tensor([2.], grad_fn=<MulBackward>)"),
        (rustorch.arange(2000), "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"),
    ],
)
def test_printing(x: rustorch.Tensor, text: str) -> None:
    assert repr(x) == text
