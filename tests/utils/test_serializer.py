"""The classes over save_model and load_model, and comparing models."""

import math

import pytest

import rustorch
from rustorch import nn
from rustorch.testing import assert_close
from rustorch.utils import ModelComparator, ModelSerializer


def test_info(tmp_path):
    ModelSerializer.save(nn.Linear(2, 3, dtype=rustorch.float64), tmp_path / "m")
    info = ModelSerializer.get_model_info(tmp_path / "m")
    assert info["parameters"] == 9
    assert info["bytes"] == 72
    assert info["tensors"] == {"weight": ("float64", (3, 2)), "bias": ("float64", (3,))}
    assert info["class"].endswith("Linear")
    assert not info["needs_instance"]


def test_export(tmp_path):
    model = nn.Linear(2, 3)
    ModelSerializer.export(model, tmp_path / "a")
    assert_close(dict(ModelSerializer.load(tmp_path / "a").state_dict()), dict(model.state_dict()))
    ModelSerializer.export(model, tmp_path / "b", format="safetensors")
    assert_close(rustorch.load(tmp_path / "b"), dict(model.state_dict()))
    for name in ("onnx", "pytorch"):
        with pytest.raises(
            rustorch.ArgumentError, match=f"must be 'rustorch' or 'safetensors', got '{name}'"
        ):
            ModelSerializer.export(model, tmp_path / "c", format=name)


def test_comparison():
    a, b = nn.Linear(2, 3), nn.Linear(2, 3)
    comparator = ModelComparator()
    assert comparator.get_stats() == {}
    b.load_state_dict(a.state_dict())
    assert comparator.compare(a, b)["equal"]
    with rustorch.no_grad():
        b.bias[1] += 0.5
    found = comparator.compare(a, b)
    assert not found["equal"]
    assert found["greatest_difference"] == pytest.approx(0.5)
    assert found["differences"]["weight"] == 0
    with rustorch.no_grad():
        b.bias[0] = math.nan
    assert comparator.compare(a, b)["greatest_difference"] == math.inf
    found = comparator.compare(a, nn.Linear(4, 3, bias=False))
    assert found["shapes"] == {"weight": ((3, 2), (3, 4))}
    assert found["only_first"] == ["bias"]
