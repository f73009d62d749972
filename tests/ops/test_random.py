"""Random functions: the same bits on every backend, the right distributions, and clear errors."""

import inspect
import math

import numpy as np
import pytest

import rustorch
from rustorch import dtypes
from rustorch.base import allocate
from rustorch.dispatch import policy
from rustorch.ops import philox
from rustorch.ops.public import functions
from rustorch.shape import Shape
from rustorch.testing.cases import cases

DEVICES = sorted({rustorch.get_default_device().type, "reference"})
RANDOM = [c for c in cases() if "random" in c.function.tags]
EXACT = {"random", "sampling", "dropout"}  # families that take a generator and only scale what they draw
STATES = [(0, 0), (67280421310721, 5), (-1, -2), (2**63 - 1, 2**32 - 3)]


@pytest.fixture(autouse=True)
def seeded():
    rustorch.manual_seed(1234)


def values(x):
    return x.to_numpy().astype(np.float64)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("op", "dtype"),
    [("bits", "int32")]
    + [("uniform", d) for d in ("float16", "bfloat16", "float32", "float64")]
    + [("normal", d) for d in ("float32", "float64")],
)
def test_decompositions_give_the_bits_of_the_kernels(op, dtype, device):
    op, dtype, device = getattr(philox, f"random_{op}"), dtypes.dtype_of(dtype), rustorch.Device(device)
    for state in STATES:
        stream = rustorch.tensor(state, dtype="int64", device=device)
        for shape in [(), (0,), (7,), (3, 7), (1001,)]:
            expected = op(stream, shape=Shape(shape), dtype=dtype)
            found = allocate(Shape(shape), dtype, device)
            policy.decomposed(op, device)(found, stream)
            assert found.to_numpy().tobytes() == expected.to_numpy().tobytes()


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in RANDOM])
def test_every_device_draws_the_same(case):
    results = []
    for device in DEVICES:
        rustorch.manual_seed(7)
        with rustorch.Device(device):
            found = case.call(*case.build(device))
        results.append([x.to_numpy() for x in found])
        results[-1].append(np.array(rustorch.get_rng_state()["offset"]))
    for a, b in zip(*results, strict=True):
        assert a.dtype == b.dtype
        # the draws are equal to the bit; what some functions compute from them is rounded by each backend
        np.testing.assert_allclose(a, b, rtol=0 if case.function.family in EXACT else 1e-12)


def test_a_seed_starts_the_stream_again_and_a_state_resumes_it():
    first = rustorch.rand(5), rustorch.randn(5)
    rustorch.manual_seed(1234)
    again = rustorch.rand(5), rustorch.randn(5)
    assert [x.tolist() for x in first] == [x.tolist() for x in again]
    state = rustorch.get_rng_state()
    a = rustorch.randperm(10)
    rustorch.set_rng_state(state)
    assert a.tolist() == rustorch.randperm(10).tolist()


def test_a_generator_leaves_the_default_one_alone():
    generator = rustorch.Generator().manual_seed(1234)
    x = rustorch.rand(3, generator=generator)
    assert x.tolist() == rustorch.rand(3).tolist()
    assert generator.get_state() == rustorch.get_rng_state()
    for entry in functions.values():
        if entry.family in EXACT:
            assert "generator" in inspect.signature(entry.function).parameters, entry.name


def test_calls_do_not_share_words():
    x = rustorch.cat([rustorch.rand(3) for _ in range(20)])
    assert len(set(x.tolist())) == 60


N = 40_000


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_moments(dtype):
    uniform, normal = values(rustorch.rand(N, dtype=dtype)), values(rustorch.randn(N, dtype=dtype))
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert uniform.mean() == pytest.approx(0.5, abs=0.01)
    assert uniform.var() == pytest.approx(1 / 12, abs=0.005)
    assert normal.mean() == pytest.approx(0, abs=0.03)
    assert normal.std() == pytest.approx(1, abs=0.02)
    assert (normal**4).mean() == pytest.approx(3, abs=0.2)
    x = rustorch.empty(N, dtype=dtype)
    assert values(x.uniform_(-1, 3)).mean() == pytest.approx(1, abs=0.05)
    assert values(x.normal_(5, 2)).std() == pytest.approx(2, abs=0.05)
    exponential = values(x.exponential_(2.0))
    assert exponential.min() > 0
    assert exponential.mean() == pytest.approx(0.5, abs=0.02)
    assert exponential.std() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("low", "high"), [(0, 2), (-3, 4), (0, 1000), (-5, 2**33), (-(2**62), 2**62 - 1)])
def test_integers_are_in_range_and_even(low, high):
    x = rustorch.randint(low, high, (N,)).to_numpy()
    assert x.dtype == np.int64
    assert x.min() >= low
    assert x.max() < high
    assert ((x - float(low)) / (high - low)).mean() == pytest.approx(
        0.5, abs=0.51 if high - low < 10 else 0.01
    )
    if high - low < 10:
        counts = np.bincount(x - low)
        assert counts == pytest.approx(N / (high - low), rel=0.08)


def test_integers_above_32_bits_by_their_definition():
    state = rustorch.get_rng_state()
    got = rustorch.randint(0, 2**40 + 7, (3,)).tolist()
    rustorch.set_rng_state(state)
    words = [
        w & 0xFFFFFFFF
        for w in philox.drawn(
            philox.random_bits, Shape((6,)), dtypes.int32, rustorch.get_default_device(), None
        ).tolist()
    ]
    signed = [
        (w0 << 32 | w1) - (1 << 64) * (w0 >> 31) for w0, w1 in zip(words[::2], words[1::2], strict=True)
    ]
    assert got == [s % (2**40 + 7) for s in signed]
    rustorch.set_rng_state(state)
    assert rustorch.randint(10, (3,)).tolist() == [
        ((w0 << 32 | w1) * 10) >> 64 for w0, w1 in zip(words[::2], words[1::2], strict=True)
    ]


def test_ways_to_call_randint():
    for x in (
        rustorch.randint(5, (2, 3)), rustorch.randint(0, 5, (2, 3)), rustorch.randint(high=5, size=(2, 3)),
        rustorch.randint(5, size=[2, 3]), rustorch.randint_like(rustorch.zeros(2, 3), 5).long(),
    ):  # fmt: skip
        assert x.shape == (2, 3)
        assert x.dtype is rustorch.int64
    assert rustorch.randint(5, (2,), dtype="float32").dtype is rustorch.float32


def test_randperm():
    assert sorted(rustorch.randperm(100).tolist()) == list(range(100))
    firsts = [rustorch.randperm(4)[0].item() for _ in range(400)]
    assert np.bincount(firsts) == pytest.approx(100, rel=0.4)
    assert rustorch.randperm(3, dtype="int32").dtype is rustorch.int32


def test_bernoulli():
    p = rustorch.tensor([0.0, 0.25, 1.0]).expand(N, 3)
    means = values(rustorch.bernoulli(p)).mean(0)
    assert means == pytest.approx([0, 0.25, 1], abs=0.02)
    x = rustorch.zeros(N, dtype="int32")
    assert values(x.bernoulli_(0.75)).mean() == pytest.approx(0.75, abs=0.02)
    assert values(x.bernoulli_(rustorch.full((1,), 0.1))).mean() == pytest.approx(0.1, abs=0.02)
    assert rustorch.bernoulli(rustorch.zeros(3, dtype="int64"), 1.0).tolist() == [1, 1, 1]


def test_random_():
    assert set(rustorch.zeros(1000, dtype="bool").random_().tolist()) == {True, False}
    x = rustorch.zeros(N, dtype="int8").random_().to_numpy()
    assert (x.min(), x.max()) == (0, 127)
    assert set(rustorch.zeros(1000).random_(3).tolist()) == {0, 1, 2}
    assert set(rustorch.zeros(1000).random_(-1, 2).tolist()) == {-1, 0, 1}


def test_normal():
    x = rustorch.normal(rustorch.tensor([0.0, 100.0]), rustorch.tensor([1.0, 0.0]).expand(N, 2))
    assert values(x).mean(0) == pytest.approx([0, 100], abs=0.02)
    assert (values(x)[:, 1] == 100).all()
    assert rustorch.normal(2.0, 3.0, (4, 5), dtype="float64").dtype is rustorch.float64


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_multinomial(dtype):
    weights = rustorch.tensor([[1.0, 0.0, 3.0], [2.0, 2.0, 0.0]], dtype=dtype)
    drawn = rustorch.multinomial(weights, 20_000, replacement=True).to_numpy()
    shares = np.stack([np.bincount(row, minlength=3) / 20_000 for row in drawn])
    assert shares[0] == pytest.approx([0.25, 0, 0.75], abs=0.02)
    assert shares[1] == pytest.approx([0.5, 0.5, 0], abs=0.02)
    for _ in range(50):
        pair = rustorch.multinomial(weights, 2)
        assert sorted(pair[0].tolist()) == [0, 2]
        assert sorted(pair[1].tolist()) == [0, 1]
    many = weights[0].expand(8000, 3)
    assert (rustorch.multinomial(many, 1).to_numpy() == 2).mean() == pytest.approx(0.75, abs=0.03)
    assert rustorch.multinomial(weights[0], 2).shape == (2,)


def test_dropout():
    x = rustorch.ones(N, requires_grad=True)
    y = rustorch.dropout(x, 0.25)
    kept = values(y.detach())
    assert set(np.unique(kept)) == {0.0, np.float32(1 / 0.75)}
    assert kept.mean() == pytest.approx(1, abs=0.02)
    y.sum().backward()
    assert x.grad.tolist() == kept.tolist()
    assert rustorch.dropout(x, 0.5, training=False) is x
    assert rustorch.dropout(x, 1.0).sum().item() == 0
    z = rustorch.ones(10)
    assert rustorch.dropout(z, 0.5, inplace=True) is z


def test_a_mask_does_not_depend_on_the_precision():
    masks = []
    for dtype in ("float16", "float32", "float64"):
        rustorch.manual_seed(3)
        masks.append((rustorch.dropout(rustorch.ones(200, dtype=dtype), 0.3) != 0).tolist())
    assert masks[0] == masks[1] == masks[2]


@pytest.mark.parametrize(
    ("name", "shape", "mask"),
    [
        ("dropout1d", (50, 20, 3), (50, 20, 1)),
        ("dropout1d", (500, 3), (500, 1)),
        ("dropout2d", (50, 20, 3, 2), (50, 20, 1, 1)),
        ("dropout2d", (50, 20, 3), (50, 20, 1)),
        ("dropout3d", (50, 20, 2, 2, 2), (50, 20, 1, 1, 1)),
    ],
)
def test_whole_channels_are_dropped(name, shape, mask):
    y = values(getattr(rustorch, name)(rustorch.ones(shape), 0.5))
    first = y[tuple(slice(0, 1) if n == 1 else slice(None) for n in mask)]
    assert (y == first).all()
    assert first.mean() == pytest.approx(1, abs=0.25)


def test_alpha_dropout_keeps_mean_and_variance():
    y = values(rustorch.alpha_dropout(rustorch.randn(N), 0.2, training=True))
    assert y.mean() == pytest.approx(0, abs=0.03)
    assert y.std() == pytest.approx(1, abs=0.03)
    x = rustorch.ones(3)
    assert rustorch.alpha_dropout(x) is x
    z = values(rustorch.feature_alpha_dropout(rustorch.ones(4, 5, 6), 0.5, training=True))
    assert (z == z[..., :1]).all()


def test_leaves_cannot_be_filled_while_recording():
    x = rustorch.zeros(3, requires_grad=True)
    for fill in ("uniform_", "normal_", "bernoulli_", "random_", "exponential_"):
        with pytest.raises(
            rustorch.AutogradError, match=f"{fill}: a leaf tensor that requires grad cannot be changed"
        ):
            getattr(x, fill)()
    with rustorch.no_grad():
        x.uniform_()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: rustorch.rand(2, dtype="int64"), "rand: a floating-point dtype is required, got int64"),
        (lambda: rustorch.rand(-1), "rand: sizes must not be negative"),
        (lambda: rustorch.rand(2, generator=3), "rand: generator must be a Generator or None, got int"),
        (lambda: rustorch.randint(5, 5, (2,)), "randint: low must be below high, got 5 and 5"),
        (lambda: rustorch.randint(0, 2**64, (2,)), "less than 2\\^63 apart"),
        (lambda: rustorch.randint(0.5, 3, (2,)), "randint: bounds must be integers, got float"),
        (lambda: rustorch.randint(3), "randint: a size is required"),
        (lambda: rustorch.randint(3, 4), "randint: a size is required"),
        (lambda: rustorch.randperm(-1), "randperm: n must not be negative"),
        (lambda: rustorch.randperm(1.5), "randperm: n must be an integer, got float"),
        (lambda: rustorch.rand_like(3), "rand_like: expected a tensor, got int"),
        (lambda: rustorch.bernoulli(rustorch.tensor([2.0])), "probabilities must be between 0 and 1"),
        (lambda: rustorch.bernoulli(rustorch.tensor([math.nan])), "probabilities must be between 0 and 1"),
        (lambda: rustorch.bernoulli(rustorch.tensor([1])), "probabilities must be floating-point, got int64"),
        (lambda: rustorch.bernoulli(rustorch.ones(2), 1.5), "p must be between 0 and 1, got 1.5"),
        (lambda: rustorch.normal(0.0, -1.0, (2,)), "normal: std must not be negative, got -1.0"),
        (lambda: rustorch.normal(0.0, 1.0), "normal: a size is required"),
        (lambda: rustorch.normal(rustorch.ones(2), 1.0, (2,)), "size is given by the tensors"),
        (lambda: rustorch.multinomial(rustorch.ones(2, 2, 2), 1), "weights of 1 or 2 dims are required"),
        (lambda: rustorch.multinomial(rustorch.tensor([0.0, 0.0]), 1), "must not all be 0"),
        (lambda: rustorch.multinomial(rustorch.tensor([1.0, -1.0]), 1), "must be finite and not negative"),
        (
            lambda: rustorch.multinomial(rustorch.tensor([1.0, 0.0]), 2),
            "2 indices of positive weight are required, got 1",
        ),
        (lambda: rustorch.multinomial(rustorch.ones(2), 0), "num_samples must be a positive integer, got 0"),
        (lambda: rustorch.ones(2).uniform_(1, 0), "from_ must not be above to"),
        (lambda: rustorch.ones(2).exponential_(0), "lambd must be positive"),
        (
            lambda: rustorch.ones(2, dtype="int64").normal_(),
            "normal_: a floating-point dtype is required, got int64",
        ),
        (lambda: rustorch.dropout(rustorch.ones(2), 1.5), "dropout: p must be between 0 and 1, got 1.5"),
        (lambda: rustorch.dropout(rustorch.ones(2), "half"), "dropout: p must be a number, got str"),
        (
            lambda: rustorch.dropout(rustorch.ones(2, dtype="int64")),
            "a floating-point tensor is required, got int64",
        ),
        (lambda: rustorch.dropout([1.0]), "dropout: expected a tensor, got list"),
        (
            lambda: rustorch.dropout2d(rustorch.ones(2)),
            r"dropout2d: 4 dims are required \(N, C, H, W\), got shape \(2,\)",
        ),
        (lambda: rustorch.dropout3d(rustorch.ones(2)), "dropout3d: 5 dims are required"),
    ],
)
def test_wrong_arguments(call, text):
    with pytest.raises((ValueError, TypeError), match=text) as error:
        call()
    assert isinstance(error.value, rustorch.RusTorchError)
