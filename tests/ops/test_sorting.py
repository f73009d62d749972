"""Order, scans and sets: NaN, ties, every dtype, on kernels and on decompositions."""

import math

import numpy as np
import pytest

import rustorch
from rustorch import dtypes
from rustorch.base import allocate
from rustorch.dispatch import policy
from rustorch.ops.scan import cumsum_op
from rustorch.ops.sorting import sort_op

DEVICES = sorted({rustorch.get_default_device().type, "reference"})
NAN = math.nan


def decomposed(op, x, **attrs):
    """Run an op's decomposition, whatever kernels there are."""
    specs = op.rule(x, **attrs)
    out = (
        tuple(allocate(s, d, x.device) for s, d in specs)
        if isinstance(specs, list)
        else allocate(*specs, x.device)
    )
    policy.decomposed(op, x.device)(out, x, **attrs)
    return out


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"]
)
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("shape", [(1,), (2,), (7,), (8,), (33,), (3, 5), (4, 1, 6), (2, 0)])
def test_sort(shape, descending, dtype):
    rng = np.random.default_rng(0)
    array = rng.integers(0, 5, shape)  # many ties
    x = rustorch.tensor(array).to(dtypes.dtype_of(dtype))
    plain = x.to_numpy().astype(np.float64)
    for dim in range(len(shape)):
        size = shape[dim]
        if descending:  # stable: equal elements keep their order
            order = size - 1 - np.argsort(np.flip(plain, dim), axis=dim, kind="stable")
            order = np.flip(order, dim)
        else:
            order = np.argsort(plain, axis=dim, kind="stable")
        for values, indices in (
            x.sort(dim, descending),
            x.to("reference").sort(dim, descending),
            decomposed(sort_op, x, dim=dim, descending=descending),
        ):
            assert values.dtype is x.dtype
            assert indices.dtype is rustorch.int64
            np.testing.assert_array_equal(indices.to_numpy(), order)
            np.testing.assert_array_equal(
                values.to_numpy().astype(np.float64), np.take_along_axis(plain, order, dim)
            )


@pytest.mark.parametrize("device", DEVICES)
def test_nan_is_the_largest(device):
    x = rustorch.tensor([2.0, NAN, math.inf, -math.inf, NAN, 1.0], device=device)
    assert x.argsort().tolist() == [3, 5, 0, 2, 1, 4]
    assert x.argsort(descending=True).tolist() == [1, 4, 2, 0, 5, 3]
    for descending, order in ((False, [3, 5, 0, 2, 1, 4]), (True, [1, 4, 2, 0, 5, 3])):
        assert decomposed(sort_op, x, dim=0, descending=descending)[1].tolist() == order
    assert x.topk(3).indices.tolist() == [1, 4, 2]
    assert x.topk(2, largest=False).values.tolist() == [-math.inf, 1.0]
    assert math.isnan(x.median().item())
    assert x.median(0).indices.item() == 1
    assert x.nanmedian().item() == 1.0
    assert math.isnan(x.nanmedian(0).values.item()) is False
    assert math.isnan(x.quantile(0.2).item())
    assert rustorch.tensor([NAN, NAN], device=device).nanmedian().isnan().item()


def test_zeros_of_both_signs_are_equal():
    assert rustorch.tensor([0.0, -0.0, 0.0]).argsort().tolist() == [0, 1, 2]


def test_zero_dims():
    x = rustorch.tensor(3.0)
    assert x.sort().values.shape == ()
    assert x.argsort().item() == 0
    assert x.topk(1).values.shape == ()
    assert x.kthvalue(1).values.item() == 3
    assert x.median(0).indices.item() == 0
    assert x.cumsum(0).shape == ()
    assert x.quantile(0.3).item() == 3


@pytest.mark.parametrize("dtype", ["int64", "float32", "float64", "bfloat16"])
@pytest.mark.parametrize("shape", [(1,), (7,), (0,), (3, 8), (2, 5, 4)])
def test_cumsum(shape, dtype):
    array = np.random.default_rng(0).integers(-3, 4, shape)
    x = rustorch.tensor(array).to(dtypes.dtype_of(dtype))
    for dim in range(len(shape)):
        for found in (x.cumsum(dim), x.to("reference").cumsum(dim), decomposed(cumsum_op, x, dim=dim)):
            assert found.dtype is x.dtype
            np.testing.assert_array_equal(found.to_numpy().astype(np.int64), array.cumsum(dim))


def test_small_integers_add_up_in_int64():
    x = rustorch.full((300,), 200, dtype="uint8")
    assert x.cumsum(0)[-1].item() == 60_000
    assert rustorch.ones(3, dtype="bool").cumsum(0).tolist() == [1, 2, 3]
    assert x.cumsum(0, dtype="float32").dtype is rustorch.float32
    assert rustorch.tensor([2, 3, 4], dtype="int32").cumprod(0).tolist() == [2, 6, 24]


def test_cumprod_with_zeros_has_the_right_gradient():
    x = rustorch.tensor([2.0, 0.0, 3.0, 4.0], requires_grad=True)
    x.cumprod(0).sum().backward()
    assert x.grad.tolist() == [1.0, 2 + 6 + 24, 0.0, 0.0]


def test_logcumsumexp_of_extremes():
    x = rustorch.tensor([-math.inf, -math.inf, 1000.0, 1000.0])
    assert x.logcumsumexp(0).tolist() == pytest.approx([-math.inf, -math.inf, 1000, 1000 + math.log(2)])


def test_unique():
    x = rustorch.tensor([[3, 1, 3], [1, 1, 2]])
    values, inverse, counts = x.unique(return_inverse=True, return_counts=True)
    assert values.tolist() == [1, 2, 3]
    assert inverse.tolist() == [[2, 0, 2], [0, 0, 1]]
    assert counts.tolist() == [3, 1, 2]
    rows = rustorch.tensor([[1, 2], [0, 5], [1, 2], [1, 0]])
    values, inverse, counts = rows.unique(return_inverse=True, return_counts=True, dim=0)
    assert values.tolist() == [[0, 5], [1, 0], [1, 2]]
    assert inverse.tolist() == [2, 0, 2, 1]
    assert counts.tolist() == [1, 1, 2]
    assert rustorch.tensor([1, 1, 2, 2, 1]).unique_consecutive().tolist() == [1, 2, 1]
    assert rustorch.zeros(0).unique().tolist() == []
    assert rustorch.tensor([NAN, 1.0, NAN]).unique().shape == (3,)


def test_searchsorted_and_bucketize():
    edges = rustorch.tensor([1, 3, 3, 5])
    x = rustorch.tensor([[0, 1, 3], [4, 5, 9]])
    assert rustorch.searchsorted(edges, x).tolist() == [[0, 0, 1], [3, 3, 4]]
    assert rustorch.searchsorted(edges, x, right=True).tolist() == [[0, 1, 3], [3, 4, 4]]
    assert rustorch.bucketize(x, edges, out_int32=True).dtype is rustorch.int32
    rows = rustorch.tensor([[1, 2, 3], [10, 20, 30]])
    assert rustorch.searchsorted(rows, rustorch.tensor([[2, 4], [2, 30]]), side="right").tolist() == [
        [2, 3],
        [0, 3],
    ]
    shuffled = rustorch.tensor([3, 1, 5, 3])
    assert rustorch.searchsorted(shuffled, 4, sorter=shuffled.argsort()).item() == 3


def test_counting():
    assert rustorch.tensor([1, 3, 1]).bincount().tolist() == [0, 2, 0, 1]
    assert rustorch.tensor([1, 0]).bincount(rustorch.tensor([0.5, 2.0]), minlength=3).tolist() == [
        2.0,
        0.5,
        0.0,
    ]
    assert rustorch.tensor([0.0, 1.0, 2.0, 4.0, NAN]).histc(4, 0, 4).tolist() == [1, 1, 1, 1]
    assert rustorch.tensor([1.0, 1.0]).histc(2).tolist() == [0, 2]


def test_comparisons():
    x = rustorch.tensor([1.0, NAN, math.inf])
    assert x.isclose(x).tolist() == [True, False, True]
    assert x.isclose(x, equal_nan=True).tolist() == [True, True, True]
    assert rustorch.allclose(x, x) is False
    assert rustorch.equal(x[:1], x[:1]) is True
    assert rustorch.equal(x[:1], x[:2]) is False
    assert rustorch.tensor([1, 2, 3]).isin(rustorch.tensor([3, 1])).tolist() == [True, False, True]
    assert rustorch.isin(2, rustorch.tensor([2, 3])).item() is True
    assert x.nan_to_num().tolist() == [1.0, 0.0, float(np.finfo(np.float32).max)]
    assert rustorch.tensor([math.inf], dtype="bfloat16").nan_to_num().isfinite().item()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: x.sort(2), IndexError, r"sort: dim must be in \[-1, 0\], got 2"),
        (lambda x: x.topk(4), IndexError, r"topk: k must be in \[0, 3\], the size of the dim, got 4"),
        (lambda x: x.topk(1.5), TypeError, "topk: k must be an integer, got float"),
        (lambda x: x.kthvalue(0), IndexError, r"kthvalue: k must be in \[1, 3\]"),
        (lambda x: x[:0].median(), ValueError, "median: cannot reduce over a dimension of size 0"),
        (lambda x: x.quantile(1.5), ValueError, "quantile: q must be between 0 and 1, got 1.5"),
        (lambda x: x.quantile(0.5, interpolation="cubic"), ValueError, "interpolation must be one of linear"),
        (lambda x: x.long().quantile(0.5), TypeError, "a floating-point tensor is required"),
        (lambda x: (x * 1j).sort(), TypeError, "sort: complex numbers have no order, got complex64"),
        (lambda _: rustorch.sort([1, 2]), TypeError, "sort: expected a tensor, got list"),
        (lambda x: x.bincount(), ValueError, "bincount: a 1-d integer tensor is required, got float32"),
        (lambda x: (-x).long().bincount(), ValueError, "bincount: elements must not be negative, got -3"),
        (lambda x: x.histc(0), ValueError, "histc: bins must be a positive integer, got 0"),
        (lambda x: x.histc(2, 3, 1), ValueError, "min below max"),
        (lambda x: rustorch.searchsorted(x, x.long()), TypeError, "must have one dtype, got float32 and int64"),
        (lambda x: rustorch.searchsorted(x.expand(2, 3), x), ValueError, "the sequence must have 1 dim, or the dims"),
        (lambda x: rustorch.bucketize(x, x.expand(2, 3)), ValueError, "the boundaries must have 1 dim"),
        (lambda x: x.isclose(x.double()), TypeError, "isclose: both tensors must have one dtype"),
        (lambda x: x.cdist(x), ValueError, "cdist: rows of one size are required"),
        (
            lambda x: x.reshape(1, -1).cdist(x.reshape(1, -1), 2.0, "fast"),
            ValueError,
            "cdist: compute_mode must be one of",
        ),
        (lambda x: rustorch.addcdiv(x, x.long(), x.long()), TypeError, "floating-point tensors are required"),
    ],
)  # fmt: skip
def test_wrong_arguments(call, error, text):
    with pytest.raises(error, match=text) as caught:
        call(rustorch.tensor([1.0, 2.0, 3.0]))
    assert isinstance(caught.value, rustorch.RusTorchError)
