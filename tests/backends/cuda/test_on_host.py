"""The kernels and their wrappers against the reference backend, compiled for the host."""

from __future__ import annotations

import emulator
import numpy as np
import pytest

import rustorch
from rustorch.testing.op_cases import LAYOUTS, all_op_cases
from rustorch_cuda.types import COMPLEX

#: What one rounding and a good mathematical library leave, relative to values of about 1.
TOLERANCE = {"float64": 1e-13, "float32": 1e-6, "float16": 1e-3, "bfloat16": 8e-3}
QUICK = (
    "add",
    "where",
    "sum",
    "argmax",
    "matmul",
    "gather",
    "scatter",
    "cast",
    "copy",
    "floor_divide",
    "random_bits",
)
CASES = all_op_cases()


@pytest.fixture(scope="session")
def offered(on_host: str) -> set[str]:
    return set(rustorch.device(on_host).kernels.offers)


def compare(device: str, op: str, dtype: str) -> None:
    for case in CASES[op]:
        for layout in LAYOUTS:
            results = []
            for place in (device, "reference"):
                out, inputs = case.build(place, dtype, layout)
                case.run(out, inputs)
                results.append([o.to_numpy() for o in (out if case.several else (out,)) if o is not None])
            for found, expected in zip(*results, strict=True):
                tolerance = TOLERANCE[dtype] if found.dtype.kind in "fVc" else 0
                np.testing.assert_allclose(
                    *(x.astype(np.float64) if x.dtype.kind == "V" else x for x in (found, expected)),
                    rtol=tolerance,
                    atol=tolerance,
                    err_msg=f"{case.name} {layout}",
                )


@pytest.mark.parametrize("op", QUICK)
def test_kernels_agree_with_the_reference(on_host: str, op: str) -> None:
    compare(on_host, op, "float32")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_all_kernels_in_every_floating_dtype(on_host: str, offered: set[str], dtype: str) -> None:
    for op in sorted(offered & set(CASES)):
        compare(on_host, op, dtype)


@pytest.mark.parametrize("dtype", sorted(COMPLEX))
def test_complex_arithmetic(on_host: str, dtype: str) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(3, 4)) + 1j * rng.normal(size=(3, 4)) for _ in range(2))
    x, y = (rustorch.tensor(v, dtype=dtype, device=on_host) for v in (a, b))
    tolerance = 1e-5 if dtype == "complex64" else 1e-13
    for found, expected in [(x + y, a + b), (x * y, a * b), (x / y, a / b), (x.sum(), a.sum())]:
        np.testing.assert_allclose(found.to_numpy(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("shape", [(1,), (5, 1000), (1000, 5), (3, 7, 333), (1, 100_000)])
@pytest.mark.parametrize("dim", [0, -1, None])
def test_reductions_of_every_form(on_host: str, shape: tuple[int, ...], dim: int | None) -> None:
    values = np.random.default_rng(0).normal(size=shape)
    x = rustorch.tensor(values, dtype="float32", device=on_host)
    y = rustorch.tensor(values, dtype="float32", device="reference")
    for name in ("sum", "amax", "amin", "argmax", "argmin"):
        if dim is None and not name.startswith(("sum", "arg")):
            continue
        found, expected = (getattr(t, name)(dim) if dim is not None else getattr(t, name)() for t in (x, y))
        np.testing.assert_allclose(found.to_numpy(), expected.to_numpy(), rtol=1e-6, atol=1e-6)


def test_nan_wins_and_the_lowest_index_counts(on_host: str) -> None:
    x = rustorch.tensor([1.0, 3.0, float("nan"), 3.0, float("nan")], device=on_host)
    assert x.argmax().item() == 2
    assert rustorch.tensor([2.0, 5.0, 5.0], device=on_host).argmax().item() == 1
    assert np.isnan(x.amax(0).item())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_rounds_once_and_to_even(on_host: str, dtype: str) -> None:
    edges = np.array(
        [0.0, -0.0, 1e-8, 6e-8, 6.1e-5, 1 + 2**-8, 1 + 2**-9, 1 + 2**-8 + 2**-40, 2049.0, 65519.0, 65520.0]
    )
    values = np.concatenate(
        [edges, -edges, [np.inf, -np.inf, np.nan, 3e38, 1e-45], np.random.default_rng(0).normal(size=500)]
    )
    found = rustorch.tensor(values, dtype="float64", device=on_host).to(dtype).to("float64").to_numpy()
    expected = rustorch.tensor(values, dtype="float64", device="reference").to(dtype).to("float64").to_numpy()
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


def test_transposed_products_take_no_copy(on_host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 4, 5))
    asked = []
    driver = rustorch.device(on_host).runtime.driver
    monkeypatch.setattr(driver, "scratch", lambda nbytes: asked.append(nbytes) or emulator.Scratch(nbytes))
    x, y = (rustorch.tensor(v, device=on_host) for v in (a, b))
    np.testing.assert_allclose((x @ y.transpose(1, 2)).to_numpy(), a @ b.transpose(0, 2, 1), rtol=1e-12)
    assert asked == []
    z = rustorch.tensor(rng.normal(size=(2, 3, 10)), device=on_host)
    np.testing.assert_allclose(
        (z[..., ::2] @ y.transpose(1, 2)).to_numpy(),
        z.to_numpy()[..., ::2] @ b.transpose(0, 2, 1),
        rtol=1e-12,
    )
    assert asked == [2 * 3 * 5 * 8]


def test_errors_of_kernels_come_when_the_host_waits(on_host: str) -> None:
    x = rustorch.arange(6, device=on_host)
    found = x.index_select(0, rustorch.tensor([1, 7], device=on_host))
    with pytest.raises(
        rustorch.OutOfBoundsError, match="index 7 is out of bounds for dimension 0 with size 6"
    ):
        found.tolist()
    quotient = x // rustorch.zeros(6, dtype="int64", device=on_host)
    with pytest.raises(ZeroDivisionError, match="floor_divide: integer division by zero"):
        quotient.tolist()
    assert (x + 1).tolist() == [1, 2, 3, 4, 5, 6]


def test_more_dims_than_a_kernel_walks_are_refused(on_host: str) -> None:
    x = rustorch.zeros((2,) * 18, device=on_host)[tuple([slice(None)] * 18)]
    whole = x.permute(*reversed(range(18)))
    with pytest.raises(
        rustorch.TensorError, match="at most 16 dims that cannot be merged are possible, got 18"
    ):
        whole + x


def test_training_is_that_of_the_reference(on_host: str) -> None:
    def losses(device: str) -> list[float]:
        rustorch.manual_seed(0)
        with rustorch.device(device):
            model = rustorch.nn.Sequential(
                rustorch.nn.Linear(6, 16),
                rustorch.nn.GELU(),
                rustorch.nn.Dropout(0.2),
                rustorch.nn.Linear(16, 3),
            )
            optimizer = rustorch.optim.Adam(model.parameters(), lr=0.01)
            x, y = rustorch.randn(20, 6), rustorch.arange(20) % 3
            found = []
            for _ in range(8):
                loss = rustorch.nn.functional.cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                found.append(loss.item())
        return found

    np.testing.assert_allclose(losses(on_host), losses("reference"), rtol=2e-5)
