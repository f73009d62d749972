"""Quantized layers: what they compute, how far that is from the float layer, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import rustorch
from rustorch import nn
from rustorch.errors import ArgumentError, ArgumentTypeError, AutogradError, RusTorchError
from rustorch.nn.quantized import dynamic
from rustorch.quantization import quantize_dynamic

ROUNDING = 2.0**-24


def float_layer(inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    """Return a layer whose rows of weights differ in size and have outliers."""
    layer = nn.Linear(inputs, outputs, bias=bias)
    rng = np.random.default_rng(inputs)
    weight = rng.standard_t(3, (outputs, inputs)) * 10.0 ** rng.uniform(-2, 2, (outputs, 1))
    layer.weight.data.copy_(rustorch.tensor(weight, dtype=rustorch.float32))
    return layer


def numbers(rows: int, inputs: int) -> np.ndarray:
    rng = np.random.default_rng(rows)
    x = rng.standard_t(3, (rows, inputs)) * 10.0 ** rng.uniform(-3, 3, (rows, 1))
    return x.astype(np.float32)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("rows", "inputs", "outputs"), [(1, 1, 1), (1, 64, 10), (33, 100, 70), (300, 784, 50)]
)
def test_the_error_is_within_its_bound(bias: bool, rows: int, inputs: int, outputs: int) -> None:
    layer = float_layer(inputs, outputs, bias=bias)
    quantized = dynamic.Linear.from_float(layer)
    x = numbers(rows, inputs)
    found = quantized(rustorch.tensor(x)).to_numpy().astype(np.float64)

    weight = layer.weight.detach().to_numpy().astype(np.float64)
    offset = layer.bias.detach().to_numpy() if bias else 0
    scale_w = quantized.weight_scale.to_numpy().astype(np.float64)
    rounded_w = quantized.weight.to_numpy() * scale_w[:, None]
    assert (np.abs(weight - rounded_w) <= scale_w[:, None] * (0.5 + 127 * 2 * ROUNDING)).all()

    scale_x = np.abs(x).max(1).astype(np.float64) / 127
    bound = scale_w * np.abs(x).sum(1)[:, None] / 2 + scale_x[:, None] * np.abs(rounded_w).sum(1) / 2
    magnitude = np.abs(x) @ np.abs(weight).T + np.abs(offset)
    error = np.abs(found - (x.astype(np.float64) @ weight.T + offset))
    assert (error <= bound + 6 * ROUNDING * (magnitude + bound)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_quantized_numbers_are_multiplied_exactly(dtype: str) -> None:
    layer = float_layer(90, 40).to(getattr(rustorch, dtype))
    quantized = dynamic.Linear.from_float(layer)
    x = numbers(25, 90)
    scale = np.abs(x).max(1, keepdims=True) / np.float32(127)
    whole = np.rint(x / scale).astype(np.float64)
    wide = {name: b.to_numpy().astype(np.float64) for name, b in quantized.named_buffers()}
    expected = (whole * scale.astype(np.float64)) @ (wide["weight"] * wide["weight_scale"][:, None]).T + wide[
        "bias"
    ]
    found = quantized(rustorch.tensor(x.astype(dtype))).to_numpy()
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=8 * ROUNDING, atol=8 * ROUNDING * np.abs(expected).max())


def test_leading_dims_and_empty_batches() -> None:
    quantized = dynamic.Linear.from_float(float_layer(6, 5))
    x = rustorch.tensor(numbers(12, 6))
    np.testing.assert_array_equal(
        quantized(x.reshape(3, 2, 2, 6)).to_numpy(), quantized(x).to_numpy().reshape(3, 2, 2, 5)
    )
    assert tuple(quantized(x[0]).shape) == (5,)
    assert tuple(quantized(x[:0]).shape) == (0, 5)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.twice = nn.Linear(8, 8)
        self.inner = nn.Sequential(nn.Dropout(0.5), self.twice, nn.Tanh(), nn.Linear(8, 3, bias=False))

    def forward(self, x: rustorch.Tensor) -> rustorch.Tensor:
        return self.inner(self.twice(self.first(x).relu()))


def kinds(model: nn.Module) -> dict[str, str]:
    return {
        name: type(part).__module__
        for name, part in model.named_modules(remove_duplicate=False)
        if type(part).__name__ == "Linear"
    }


FLOAT, INT8 = "rustorch.nn.linear", "rustorch.nn.quantized.dynamic"


def test_a_model_is_copied_and_quantized() -> None:
    model = Net()
    before = {name: x.to_numpy().copy() for name, x in model.state_dict().items()}
    quantized = quantize_dynamic(model)
    assert set(kinds(quantized).values()) == {INT8}
    assert quantized.twice is quantized.inner[1]
    assert not any(part.training for part in quantized.modules())
    assert not any(p.requires_grad for p in quantized.parameters())

    assert set(kinds(model).values()) == {FLOAT}
    assert model.training
    assert all(p.requires_grad for p in model.parameters())
    for name, x in model.state_dict().items():
        np.testing.assert_array_equal(x.to_numpy(), before[name])
    x = rustorch.randn(20, 6)
    np.testing.assert_allclose(quantized(x).to_numpy(), model.eval()(x).detach().to_numpy(), atol=0.05)


def test_what_is_quantized_can_be_chosen() -> None:
    chosen = {"first": INT8, "twice": FLOAT, "inner.1": FLOAT, "inner.3": INT8}
    assert kinds(quantize_dynamic(Net(), {"first", "inner.3"})) == chosen
    assert set(kinds(quantize_dynamic(Net(), [nn.Linear], dtype=rustorch.qint8)).values()) == {INT8}
    model = Net()
    assert quantize_dynamic(model, inplace=True) is model
    assert set(kinds(model).values()) == {INT8}
    assert isinstance(quantize_dynamic(nn.Linear(2, 3)), dynamic.Linear)


def test_hooks_stay() -> None:
    model, seen = nn.Sequential(nn.Linear(2, 3)), []
    model[0].register_forward_hook(lambda *args: seen.append(args))
    quantize_dynamic(model)(rustorch.ones(1, 2))
    assert len(seen) == 1


def test_attention_keeps_the_projection_that_it_reads() -> None:
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True).eval()
    quantized = quantize_dynamic(layer)
    assert kinds(quantized) == {"linear1": INT8, "linear2": INT8, "self_attn.out_proj": FLOAT}
    x = rustorch.randn(2, 5, 16)
    np.testing.assert_allclose(quantized(x).to_numpy(), layer(x).detach().to_numpy(), atol=0.1)


@pytest.mark.parametrize(
    ("spec", "error", "text"),
    [
        ({nn.Conv2d}, ArgumentError, "qconfig_spec may hold Linear and names of such layers"),
        ({"second"}, ArgumentError, "got 'second'"),
        (nn.Linear, ArgumentTypeError, "must be a set of classes and names, got type"),
        ({"first": None}, ArgumentTypeError, "got dict"),
    ],
)
def test_a_wrong_choice_is_refused(spec: object, error: type, text: str) -> None:
    with pytest.raises(error, match=f"quantize_dynamic: .*{text}"):
        quantize_dynamic(Net(), spec)


def test_other_mistakes_are_refused() -> None:
    with pytest.raises(ArgumentError, match="dtype must be int8, got .*float16"):
        quantize_dynamic(Net(), dtype=rustorch.float16)
    with pytest.raises(ArgumentTypeError, match="a model is required, got int"):
        quantize_dynamic(3)
    with pytest.raises(ArgumentError, match="weights of float32 or float64 are required, got float16"):
        quantize_dynamic(Net().half())
    with pytest.raises(ArgumentError, match="a Linear is required, got Tanh"):
        dynamic.Linear.from_float(nn.Tanh())
    with pytest.raises(ArgumentError, match="in_features must be at most 133144, so that int32 holds"):
        dynamic.Linear(133145, 1)
    layer = nn.Linear(2, 3)
    layer.weight.data[1, 1] = float("nan")
    with pytest.raises(ArgumentError, match="finite weights are required"):
        dynamic.Linear.from_float(layer)


def test_it_is_for_inference() -> None:
    quantized, x = dynamic.Linear.from_float(nn.Linear(2, 3)), rustorch.ones(1, 2)
    with pytest.raises(RusTorchError, match="DynamicQuantizedLinear: evaluation mode is required"):
        quantized.train()(x)
    with pytest.raises(AutogradError, match="cannot be differentiated"):
        quantized.eval()(x.requires_grad_())


def test_the_state_comes_back(tmp_path: object) -> None:
    quantized, x = quantize_dynamic(Net()), rustorch.randn(4, 6)
    state = quantized.state_dict()
    assert {name: x.dtype.name for name, x in state.items() if name.startswith("first")} == {
        "first.weight": "int8",
        "first.weight_scale": "float32",
        "first.bias": "float32",
    }
    file = f"{tmp_path}/state.safetensors"
    rustorch.save(state, file)
    again = quantize_dynamic(Net())
    again.load_state_dict(rustorch.load(file))
    np.testing.assert_array_equal(again(x).to_numpy(), quantized(x).to_numpy())
    empty = dynamic.Linear(6, 8)
    empty.load_state_dict(quantized.first.state_dict())
    np.testing.assert_array_equal(empty(x).to_numpy(), quantized.first(x).to_numpy())
    with pytest.raises(RusTorchError, match=r"missing keys: 'weight_scale'"):
        empty.load_state_dict(nn.Linear(6, 8).state_dict())


def test_digits_are_recognised_as_well() -> None:
    load_digits = pytest.importorskip("sklearn.datasets").load_digits
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    x = rustorch.tensor((data.data[order] / 16).astype(np.float32))
    y = rustorch.tensor(data.target[order])
    rustorch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = rustorch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(15):
        for i in range(0, 1200, 50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[i : i + 50]), y[i : i + 50]).backward()
            optimizer.step()

    def accuracy(net: nn.Module) -> float:
        with rustorch.no_grad():
            return float((net(x[1200:]).argmax(1) == y[1200:]).float().mean())

    right = accuracy(model)
    assert right > 0.9
    assert abs(accuracy(quantize_dynamic(model)) - right) < 0.01
