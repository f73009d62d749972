"""Starting values: ranges, moments, structure."""

import math

import numpy as np
import pytest

import rustorch
from rustorch.nn import init


@pytest.fixture(autouse=True)
def _seed():
    rustorch.manual_seed(0)


@pytest.mark.parametrize(
    ("name", "param", "gain"),
    [
        ("linear", None, 1.0), ("conv2d", None, 1.0), ("sigmoid", None, 1.0), ("tanh", None, 5 / 3),
        ("relu", None, math.sqrt(2)), ("leaky_relu", None, math.sqrt(2 / 1.0001)),
        ("leaky_relu", 0.5, math.sqrt(2 / 1.25)), ("selu", None, 0.75),
    ],
)  # fmt: skip
def test_gain(name, param, gain):
    assert init.calculate_gain(name, param) == pytest.approx(gain)


def test_errors():
    with pytest.raises(ValueError, match="calculate_gain: the nonlinearity must be one of .*, got 'no'"):
        init.calculate_gain("no")
    with pytest.raises(ValueError, match="the negative slope must be a number"):
        init.calculate_gain("leaky_relu", True)
    with pytest.raises(ValueError, match="mode must be 'fan_in' or 'fan_out', got 'x'"):
        init.kaiming_normal_(rustorch.ones(2, 2), mode="x")
    with pytest.raises(ValueError, match="at least 2 dims is required"):
        init.xavier_uniform_(rustorch.ones(2))
    with pytest.raises(ValueError, match="eye_: a tensor of 2 dims is required"):
        init.eye_(rustorch.ones(2))
    with pytest.raises(ValueError, match="dirac_: 5 output channels cannot be divided into 2 groups"):
        init.dirac_(rustorch.ones(5, 2, 3), groups=2)
    with pytest.raises(TypeError, match="uniform_: a tensor is required, got list"):
        init.uniform_([1.0])


BOUNDS = [
    (lambda w: init.uniform_(w, -0.5, 2.0), None, None, (-0.5, 2.0)),
    (lambda w: init.xavier_uniform_(w, gain=2.0), 0.0, 2 * math.sqrt(2 / 500), None),
    (init.xavier_normal_, 0.0, math.sqrt(2 / 500), None),
    (lambda w: init.kaiming_uniform_(w, nonlinearity="relu"), 0.0, math.sqrt(2 / 300), None),
    (lambda w: init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"), 0.0, math.sqrt(2 / 200), None),
    (lambda w: init.normal_(w, 1.0, 0.3), 1.0, 0.3, None),
    (lambda w: init.trunc_normal_(w, 0.0, 0.02), 0.0, 0.02, None),
    (lambda w: init.trunc_normal_(w, 0.0, 1.0, -1.0, 1.0), 0.0, 0.5396, (-1.0, 1.0)),
]


@pytest.mark.parametrize(("fill", "mean", "std", "limits"), BOUNDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_distributions(fill, mean, std, limits, dtype):
    weight = rustorch.nn.Parameter(rustorch.empty(200, 300, dtype=dtype))
    assert fill(weight) is weight
    assert weight.is_leaf
    values = weight.to_numpy()
    if std is not None:
        assert values.mean() == pytest.approx(mean, abs=4 * std / math.sqrt(values.size))
        assert values.std() == pytest.approx(std, rel=0.02)
    if limits is not None:
        assert limits[0] <= values.min() < limits[0] + 0.01
        assert limits[1] - 0.01 < values.max() <= limits[1]


def test_structure():
    assert init.eye_(rustorch.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert init.constant_(rustorch.empty(2), 0.3).tolist() == pytest.approx([0.3, 0.3])
    assert init.ones_(rustorch.empty(2)).tolist() == [1, 1]
    assert init.zeros_(rustorch.ones(2)).tolist() == [0, 0]
    for shape in ((6, 4), (4, 6), (3, 2, 2)):
        matrix = (
            init.orthogonal_(rustorch.empty(shape, dtype="float64"), gain=2).to_numpy().reshape(shape[0], -1)
        )
        small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
        np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)
    zeros = (init.sparse_(rustorch.empty(10, 7), 0.25).to_numpy() == 0).sum(0)
    assert zeros.tolist() == [3] * 7


@pytest.mark.parametrize("groups", [1, 2])
def test_dirac_passes_the_input_on(groups):
    weight = init.dirac_(rustorch.empty(4, 4 // groups, 3), groups)
    x = rustorch.randn(1, 4, 6)
    y = rustorch.nn.functional.conv1d(x, weight, padding=1, groups=groups)
    np.testing.assert_allclose(y.to_numpy(), x.to_numpy(), rtol=1e-6)


def test_the_same_seed_gives_the_same_weights():
    generator = rustorch.Generator().manual_seed(5)
    first = init.kaiming_uniform_(rustorch.empty(3, 4), generator=generator).tolist()
    assert init.kaiming_uniform_(rustorch.empty(3, 4), generator=generator.manual_seed(5)).tolist() == first
