from collections import OrderedDict, UserDict
from typing import Any, NamedTuple

import numpy as np
import pytest

import rustorch
from rustorch.data import collate, default_collate, default_collate_fn_map, default_convert
from rustorch.errors import ArgumentTypeError, ShapeError


class Point(NamedTuple):
    x: Any
    y: Any


@pytest.mark.parametrize(
    ("batch", "dtype", "expected"),
    [
        ([1, 2], "int64", [1, 2]),
        ([1.0, 2], "float64", [1.0, 2.0]),
        ([True, False], "bool", [True, False]),
        ([np.float32(1), np.float32(2)], "float32", [1.0, 2.0]),
        ([np.int16(1)], "int16", [1]),
        ([np.bool_(True)], "bool", [True]),
        ([np.array([1, 2], np.uint8)] * 2, "uint8", [[1, 2], [1, 2]]),
        ([rustorch.tensor([1.5])] * 3, "float32", [[1.5]] * 3),
        ([rustorch.tensor(3)], "int64", [3]),
    ],
)
def test_leaves(batch, dtype, expected):
    made = default_collate(batch)
    assert made.dtype.name == dtype
    assert made.tolist() == expected


def test_texts_stay():
    assert default_collate(["a", "b"]) == ["a", "b"]
    assert default_collate([b"a"]) == [b"a"]


def test_containers():
    pairs = default_collate([(1, "a"), (2, "b")])
    assert isinstance(pairs, list)
    assert pairs[0].tolist() == [1, 2]
    assert pairs[1] == ("a", "b")
    assert [t.tolist() for t in default_collate([[1, 2], [3, 4]])] == [[1, 3], [2, 4]]
    point = default_collate([Point(1, 2.0), Point(3, 4.0)])
    assert isinstance(point, Point)
    assert point.y.tolist() == [2.0, 4.0]
    nested = default_collate([{"a": {"b": [1, (2, 3)]}}, {"a": {"b": [4, (5, 6)]}}])
    assert nested["a"]["b"][1][0].tolist() == [2, 5]
    for kind in (OrderedDict, UserDict):
        made = default_collate([kind(k=1), kind(k=2)])
        assert type(made) is kind
        assert made["k"].tolist() == [1, 2]


def test_gradients_reach_the_samples():
    x = rustorch.ones(2, requires_grad=True)
    default_collate([x, x]).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_types_of_ones_own():
    class Own:
        pass

    table = {**default_collate_fn_map, Own: lambda batch, **_: len(batch)}
    assert collate([{"k": Own()}] * 3, collate_fn_map=table) == {"k": 3}


def test_refusals():
    with pytest.raises(ShapeError, match=r"equal shapes, got \(2,\) at 0 and \(3,\) at 1"):
        default_collate([rustorch.zeros(2), rustorch.zeros(3)])
    with pytest.raises(ShapeError, match="equal shapes"):
        default_collate([np.zeros(2), np.zeros(3)])
    with pytest.raises(ShapeError, match="each element in list of batch should be of equal size"):
        default_collate([[1], [1, 2]])
    with pytest.raises(ArgumentTypeError, match=r"must contain tensors.*got object"):
        default_collate([object()])
    with pytest.raises(ArgumentTypeError, match="got a NumPy array of dtype <U1"):
        default_collate([np.array(["a"])])
    with pytest.raises(ArgumentTypeError, match="ndarray beside int"):
        default_collate([np.zeros(2), 1])
    with pytest.raises(ArgumentTypeError, match="got NoneType"):
        default_collate([(1, None)])


def test_convert():
    made = default_convert(
        {"a": np.ones(2), "b": (np.float32(2), "t", 5), "c": Point(1, np.zeros(1)), "d": [None]}
    )
    assert made["a"].tolist() == [1.0, 1.0]
    assert made["b"][0].item() == 2.0
    assert made["b"][1:] == ["t", 5]
    assert made["c"].y.tolist() == [0.0]
    assert made["d"] == [None]
