"""What is made in C once per op: refusals instead of crashes, and memory that is given back."""

import gc
import weakref

import pytest

import rustorch
from rustorch import _fastpath, dtypes
from rustorch.base import alias_of, allocate, shared_spec, view_of
from rustorch.ops.op import invoke
from rustorch.tape import make_node, record

F32, SHAPE = dtypes.float32, rustorch.zeros(2, 3).shape


def incomplete() -> rustorch.Tensor:
    """A tensor that was never filled, as `object.__new__` makes it."""
    return object.__new__(rustorch.Tensor)


@pytest.mark.parametrize(
    "call",
    [
        allocate,
        lambda: allocate((2, 3), F32, rustorch.device("cpu")),
        lambda: allocate(SHAPE, "float32", rustorch.device("cpu")),
        lambda: allocate(SHAPE, F32, "cpu"),
        lambda: shared_spec(SHAPE, None, None),
        lambda: view_of(None, SHAPE, SHAPE.strides, 0),
        lambda: view_of(incomplete(), SHAPE, SHAPE.strides, 0),
        lambda: view_of(rustorch.ones(2), (2,), (1,), 0),
        lambda: view_of(rustorch.ones(2), rustorch.ones(2).shape, (1,), 0, int),
        lambda: view_of(rustorch.ones(2), rustorch.ones(2).shape, (1,), "0"),
        lambda: alias_of(3),
        lambda: alias_of(incomplete()),
        lambda: record(None, None, (), {}),
        lambda: make_node(rustorch.ops.registry.ops["add"], incomplete(), (), {}),
        lambda: make_node(rustorch.ops.registry.ops["add"], rustorch.ones(2), (incomplete(),), {}),
        lambda: invoke(rustorch.ops.registry.ops["matmul"], (1, 2), {}),
        lambda: invoke(rustorch.ops.registry.ops["matmul"], (), {}),
        lambda: invoke(rustorch.ops.registry.ops["matmul"], [rustorch.ones(2, 2)] * 2, {}),
        lambda: _fastpath.set_result_class(int),
        lambda: _fastpath.owner(int),
        lambda: incomplete() + incomplete(),
        lambda: rustorch.ones(2) + incomplete(),
        lambda: incomplete().exp(),
    ],
)
def test_wrong_arguments_raise(call):
    with pytest.raises((TypeError, AttributeError)):
        call()


def test_equal_facts_share_one_spec():
    device = rustorch.get_default_device()
    assert shared_spec(SHAPE, F32, device) is shared_spec(SHAPE, F32, device)
    assert shared_spec(SHAPE, F32, device) is not shared_spec(SHAPE, dtypes.float64, device)


def test_more_shapes_than_the_cache_holds_stay_right():
    for n in range(5000):
        x = rustorch.empty(n, 2)
        assert (x.dense, x.strides, x.storage.nbytes) == (2 * n, (2, 1), 8 * n)


def test_memory_comes_back_at_the_end_of_the_last_view():
    before = rustorch.memory_stats()["allocated"]
    x = rustorch.ones(1000)
    view, seen = x[10:], weakref.ref(x.storage)
    del x
    held = seen() is not None  # in a variable: pytest keeps what an assertion looked at
    assert held
    del view
    assert seen() is None
    assert rustorch.memory_stats()["allocated"] == before


def test_a_tensor_in_a_cycle_is_collected():
    x = rustorch.ones(10)
    x.myself, seen = x, weakref.ref(x)
    del x
    gc.collect()
    assert seen() is None


def test_a_failing_allocation_leaves_nothing_behind():
    before = rustorch.memory_stats()["allocated"]
    with pytest.raises(rustorch.RusTorchError):
        rustorch.empty(2**55)
    assert rustorch.memory_stats()["allocated"] == before


def test_an_exception_survives_the_end_of_a_tensor():
    def fail():
        x = rustorch.ones(3)
        raise KeyError(x.shape)

    with pytest.raises(KeyError):
        fail()
