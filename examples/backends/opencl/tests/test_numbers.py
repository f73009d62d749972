"""What is easily got wrong: infinities, NaN, small numbers, wrapping, halves, many dims."""

import itertools

import numpy as np
import pytest

import rustorch

INF, NAN, TINY = float("inf"), float("nan"), 1e-40  # TINY is subnormal in float32


def on(device, values, dtype=None):
    return rustorch.tensor(values, dtype=dtype, device=device)


def test_special_values_follow_ieee(device):
    a, b = np.meshgrid(
        np.array([INF, -INF, NAN, 0.0, -0.0, 1.5, TINY], np.float32), np.array([INF, NAN, 0, -2, TINY], "f4")
    )
    x, y = on(device, a), on(device, b)
    with np.errstate(all="ignore"):
        for name, expected in {
            "add": a + b,
            "mul": a * b,
            "div": a / b,
            "maximum": np.maximum(a, b),
            "minimum": np.minimum(a, b),
            "pow": np.power(a, b),
            "lt": a < b,
            "eq": a == b,
        }.items():
            np.testing.assert_array_equal(
                getattr(rustorch, name)(x, y).to_numpy(), expected, err_msg=name, strict=True
            )
    np.testing.assert_array_equal(rustorch.isfinite(x).to_numpy(), np.isfinite(a))
    np.testing.assert_array_equal(x.relu().to_numpy(), np.maximum(a, 0))


def test_nan_is_an_extreme_and_the_first_one_counts(device):
    x = on(device, [[1.0, NAN, 3.0, NAN], [2.0, 5.0, 5.0, -1.0]])
    np.testing.assert_array_equal(x.amax(1).to_numpy(), np.array([NAN, 5], np.float32))
    assert x.argmax(1).tolist() == [1, 1]
    assert x.argmin(1).tolist() == [1, 3]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64"])
def test_integers_wrap_and_divide_down(device, dtype):
    limits = np.iinfo(dtype)
    values = np.array([limits.min, limits.min + 1, -1 if limits.min else 3, 1, 2, 7, limits.max], dtype)
    a, b = (v.reshape(-1) for v in np.meshgrid(values, values))
    x, y = on(device, a), on(device, b)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal((x + y).to_numpy(), a + b)
        np.testing.assert_array_equal((x * y).to_numpy(), a * b)
        np.testing.assert_array_equal((-x).to_numpy(), -a)
        whole = b != 0
        np.testing.assert_array_equal((x[whole] // y[whole]).to_numpy(), a[whole] // b[whole])
        np.testing.assert_array_equal((x[whole] % y[whole]).to_numpy(), a[whole] % b[whole])
        np.testing.assert_array_equal((x & y).to_numpy(), a & b)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_every_half_survives_a_trip_and_is_rounded_once(device, dtype):
    bits = np.arange(1 << 16, dtype=np.uint16)
    halves = rustorch.tensor(bits.view(rustorch.dtypes.dtype_of(dtype).numpy), device=device)
    for wide in ("float32", "float64"):
        back = halves.to(wide).to(dtype)
        np.testing.assert_array_equal(back.isnan().to_numpy(), halves.isnan().to_numpy())
        finite = ~halves.isnan().to_numpy()
        np.testing.assert_array_equal(back.to_numpy().view(np.uint16)[finite], bits[finite])
    # halfway between two neighbours, and a little off
    x = np.array([1 + 2.0**-11, 1 + 2.0**-11 + 2.0**-40, 1 + 2.0**-8, 1 + 2.0**-8 + 2.0**-40, 70000.0, 1e-8])
    found, expected = (rustorch.tensor(x, device=d).to(dtype) for d in (device, "reference"))
    assert found.tolist() == expected.tolist()


def test_many_halves_add_up_in_float32(device):
    x = rustorch.full((10_000,), 0.1, dtype="float16", device=device)
    assert x.sum().item() == 1000.0
    zeros = rustorch.zeros(2, dtype="float16", device=device)
    index = rustorch.zeros(10_000, dtype="int64", device=device)
    assert zeros.index_add(0, index, x).tolist() == [1000.0, 0.0]


def test_a_long_sum_in_float32_keeps_its_digits(device):
    values = np.random.default_rng(0).random(3_000_001, np.float32)
    found = on(device, values).sum().item()
    assert abs(found / values.sum(dtype=np.float64) - 1) < 1e-7


@pytest.mark.parametrize("dim", [(0, 2, 4, 6, 8), (1, 3, 5, 7, 9), (0, 9), (3,)])
def test_ten_dims(device, dim):
    values = np.random.default_rng(0).random((2, 1, 2, 3, 2, 2, 1, 2, 2, 3))
    x = on(device, values)
    np.testing.assert_allclose(x.sum(dim).to_numpy(), values.sum(dim), rtol=1e-12)
    order = [3, 0, 9, 2, 8, 1, 7, 4, 6, 5]
    turned = x.permute(order)
    np.testing.assert_array_equal(turned.contiguous().to_numpy(), values.transpose(order))
    np.testing.assert_allclose(turned.flip(0).sum(dim).to_numpy(), values.transpose(order)[::-1].sum(dim))


def test_a_product_of_stacks_with_any_strides(device):
    rng = np.random.default_rng(0)
    for m, k, n in itertools.product((1, 33, 70), (1, 17, 64), (1, 65)):
        a, b = rng.random((3, 1, k, m)), rng.random((1, 2, k, n))
        found = on(device, a).transpose(-1, -2) @ on(device, b)
        np.testing.assert_allclose(found.to_numpy(), a.swapaxes(-1, -2) @ b, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_random_numbers_have_the_bits_of_every_backend(device, dtype):
    for draw in (rustorch.rand, rustorch.randn):
        found = []
        for where in (device, "reference"):
            rustorch.manual_seed(11)
            found.append(draw(1001, dtype=dtype, device=where).to_numpy())
        np.testing.assert_array_equal(*found)
