"""linear_fused against float64 NumPy: every size, activation and width of panels, for every instruction set."""

import itertools
import math

import numpy as np
import pytest

import rustorch
from rustorch_cpu.native import isa, set_isa, supported_isas

FLOATS = ["float32", "float64"]
EPSILON = {"float32": 2.0**-23, "float64": 2.0**-52}
erf = np.vectorize(math.erf, otypes=[float])


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


ACTIVATIONS = {
    "none": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
    "gelu_tanh": lambda x: x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
    "silu": lambda x: x * sigmoid(x),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
}

pytestmark = pytest.mark.usefixtures("each_isa")


def pack(weight, width):
    """Return a weight in panels, as the documentation of pack_linear_weight says."""
    rows, columns = weight.shape
    packed = np.zeros((-(-rows // width), columns, width), weight.dtype)
    for i in range(rows):
        packed[i // width, :, i % width] = weight[i]
    return packed


def check(run, random, dtype, sizes, width, activation, *, bias=True, residual=True):
    """Compare one call within the bound of a sum of k products, which no activation more than doubles."""
    m, n, k = sizes
    x, weight = (random.standard_normal(shape).astype(dtype) for shape in ((m, k), (n, k)))
    b = random.standard_normal(n).astype(dtype) if bias else None
    r = random.standard_normal((m, n)).astype(dtype) if residual else None
    out = np.full((m, n), np.nan, dtype)
    run(
        "linear_fused",
        out,
        x,
        pack(weight, width) if width else weight,
        b,
        r,
        activation=activation,
        out_features=n,
    )
    wide_x, wide_w = x.astype(float), weight.astype(float)
    expected = ACTIVATIONS[activation](wide_x @ wide_w.T + (0 if b is None else b)) + (0 if r is None else r)
    bound = 2 * EPSILON[dtype] * ((k + 2) * (np.abs(wide_x) @ np.abs(wide_w).T + 3) + 4)
    assert (np.abs(out - expected) <= bound).all(), (sizes, width, activation, bias, residual)


@pytest.mark.parametrize("dtype", FLOATS)
def test_every_small_size(run, random, dtype):
    forms = itertools.cycle(
        itertools.product([0, 32, 16, 8, 4, 5], ACTIVATIONS, [True, False], [True, False])
    )
    for kept in range(3):  # every pair of sizes, with some third one
        for pair in itertools.product(range(41), repeat=2):
            sizes = list(pair)
            sizes.insert(kept, int(random.integers(41)))
            width, activation, bias, residual = next(forms)
            check(run, random, dtype, sizes, width, activation, bias=bias, residual=residual)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("width", [0, 32, 6])
def test_every_road_through_the_product(run, random, dtype, activation, width):
    roads = [
        (1, 500, 300),
        (3, 70, 900),
        (40, 1, 300),
        (12, 30, 9000),
        (150, 300, 700),
        (300, 60, 10),
        (9, 40, 0),
    ]
    for sizes in roads:
        check(run, random, dtype, sizes, width, activation)


@pytest.mark.parametrize("dtype", FLOATS)
def test_special_values_pass_as_in_the_composed_ops(run, dtype):
    x = np.array([[np.nan], [np.inf], [-np.inf], [-0.0], [0.0], [100.0], [-100.0], [1e-40]], dtype)
    one = np.ones((1, 1), dtype)
    for name in ACTIVATIONS:
        composed, fused = np.empty_like(x), np.empty_like(x)
        run("linear", composed, x, one, None)
        if name.startswith("gelu"):
            run("gelu", composed, composed.copy(), approximate="tanh" if name == "gelu_tanh" else "none")
        elif name != "none":
            run(name, composed, composed.copy())
        run("linear_fused", fused, x, pack(one, 8), None, None, activation=name, out_features=1)
        np.testing.assert_array_equal(fused, composed, err_msg=name)


def test_takes_leading_dimensions_and_strided_operands(random):
    x, weight = random.standard_normal((2, 3, 4, 5)), random.standard_normal((7, 5))
    strided = [
        rustorch.tensor(np.repeat(np.ascontiguousarray(a.T), 2, 0), device="cpu")[::2].permute(
            *reversed(range(a.ndim))
        )
        for a in (x, weight, weight[:, 0], random.standard_normal((2, 3, 4, 7)))
    ]
    assert not strided[0].is_contiguous()
    found = rustorch.linear_fused(*strided, activation="tanh")
    expected = np.tanh(x @ weight.T + weight[:, 0]) + strided[3].numpy()
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-13, atol=1e-13)


def test_a_weight_packed_for_one_instruction_set_is_right_for_all(random, each_isa):
    x, weight = (rustorch.tensor(random.standard_normal(s), device="cpu") for s in ((9, 20), (45, 20)))
    packed = rustorch.pack_linear_weight(weight)
    for name in supported_isas():
        set_isa(name)
        assert isa() == name
        np.testing.assert_allclose(
            rustorch.linear_fused(x, packed, out_features=45).numpy(),
            x.numpy() @ weight.numpy().T,
            rtol=1e-12,
        )
    set_isa(each_isa)


@pytest.mark.parametrize("m", [1, 20, 300])
def test_results_do_not_depend_on_threads(random, m):
    x = rustorch.tensor(random.standard_normal((m, 700)).astype(np.float32), device="cpu")
    packed = rustorch.pack_linear_weight(
        rustorch.tensor(random.standard_normal((500, 700)).astype(np.float32), device="cpu")
    )
    before, results = rustorch.get_num_threads(), []
    for threads in (1, 2, 3):
        rustorch.set_num_threads(threads)
        results.append(rustorch.linear_fused(x, packed, activation="gelu", out_features=500).numpy())
    rustorch.set_num_threads(before)
    assert all((result == results[0]).all() for result in results)
