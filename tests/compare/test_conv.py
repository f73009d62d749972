"""Convolutions against PyTorch: results, gradients, second derivatives."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from comparing import close, compare, same_parameters

import rustorch
from rustorch import nn

GEOMETRIES = [
    {},
    {"stride": 2},
    {"padding": 2},
    {"dilation": 2, "padding": 1},
    {"stride": 3, "padding": 1, "dilation": 2},
    {"groups": 2},
    {"groups": 4, "bias": False, "stride": 2},
    {"padding": "same", "dilation": 2},
    {"padding": "valid"},
    {"padding": 1, "padding_mode": "reflect"},
    {"padding": 1, "padding_mode": "replicate", "stride": 2},
    {"padding": 2, "padding_mode": "circular"},
    {"padding": "same", "padding_mode": "reflect"},
]
SIZES = {1: (11,), 2: (9, 8), 3: (7, 6, 7)}


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("batched", [True, False])
def test_convolution(ndim: int, geometry: dict, batched: bool) -> None:
    theirs = getattr(torch.nn, f"Conv{ndim}d")(4, 8, 3, **geometry)
    ours = getattr(nn, f"Conv{ndim}d")(4, 8, 3, **geometry)
    assert repr(ours) == repr(theirs)
    same_parameters(ours, theirs)
    x = np.random.default_rng(0).normal(size=(2, 4, *SIZES[ndim]) if batched else (4, *SIZES[ndim]))
    compare(ours, theirs, [x])


@pytest.mark.parametrize("kernel", [(1, 1), (2, 3), (5, 1), (9, 8)])
def test_kernels_that_are_not_square(kernel: tuple[int, int]) -> None:
    theirs, ours = torch.nn.Conv2d(3, 5, kernel, (2, 1)), nn.Conv2d(3, 5, kernel, (2, 1))
    same_parameters(ours, theirs)
    compare(ours, theirs, [np.random.default_rng(0).normal(size=(2, 3, 9, 8))])


TRANSPOSED = [
    {},
    {"stride": 2},
    {"stride": 2, "padding": 1, "output_padding": 1},
    {"stride": 3, "padding": 2, "dilation": 2, "output_padding": 2},
    {"stride": 1, "dilation": 3, "output_padding": 2, "padding": 1},
    {"groups": 2, "bias": False},
]


@pytest.mark.parametrize("geometry", TRANSPOSED, ids=str)
@pytest.mark.parametrize("ndim", [1, 2])
@pytest.mark.parametrize("batched", [True, False])
def test_transposed_convolution(ndim: int, geometry: dict, batched: bool) -> None:
    theirs = getattr(torch.nn, f"ConvTranspose{ndim}d")(4, 6, 3, **geometry)
    ours = getattr(nn, f"ConvTranspose{ndim}d")(4, 6, 3, **geometry)
    assert repr(ours) == repr(theirs)
    same_parameters(ours, theirs)
    x = np.random.default_rng(0).normal(size=(2, 4, *SIZES[ndim]) if batched else (4, *SIZES[ndim]))
    compare(ours, theirs, [x])


@pytest.mark.parametrize("size", [(17, 15), (18, 16), (2, 6, 17, 16)])
def test_output_size(size: tuple[int, ...]) -> None:
    theirs, ours = torch.nn.ConvTranspose2d(4, 6, 3, 2, 1), nn.ConvTranspose2d(4, 6, 3, 2, 1)
    same_parameters(ours, theirs)
    x = np.random.default_rng(0).normal(size=(2, 4, 9, 8))
    compare(ours, theirs, [x], call=lambda m, v: m(v, output_size=size))


@pytest.mark.parametrize("groups", [1, 2])
def test_gradient_of_a_gradient(groups: int) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 4, 6, 5)), rng.normal(size=(6, 4 // groups, 3, 2))
    found = []
    for library in (rustorch, torch):
        a = library.tensor(x, requires_grad=True)
        b = library.tensor(w, requires_grad=True)
        y = library.conv2d(a, b, None, (2, 1), (1, 0), (1, 2), groups).sin().sum()
        first = library.autograd.grad(y, [a, b], create_graph=True)
        found.append(library.autograd.grad(sum((g * g).sum() for g in first), [a, b]))
    close(found[0], found[1])


def test_float32_on_every_backend() -> None:
    rng = np.random.default_rng(0)
    x, w, b = (rng.normal(size=s).astype(np.float32) for s in ((3, 8, 17, 16), (12, 8, 3, 3), (12,)))
    expected = torch.conv2d(*map(torch.tensor, (x, w, b)), 2, 1)
    for device in ("cpu", "reference"):
        found = rustorch.conv2d(*(rustorch.tensor(v, device=device) for v in (x, w, b)), 2, 1)
        np.testing.assert_allclose(found.to_numpy(), expected.numpy(), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("mode", "ndim", "align"),
    [(m, n, None) for m in ("nearest", "nearest-exact") for n in (1, 2, 3)]
    + [
        (m, n, a)
        for (m, n), a in itertools.product(
            (("linear", 1), ("bilinear", 2), ("bicubic", 2), ("trilinear", 3)), (False, True)
        )
    ],
)
@pytest.mark.parametrize(
    "how", [{"size": 5}, {"size": 9}, {"scale_factor": 1.7}, {"scale_factor": 0.55}, {"scale_factor": 2}]
)
def test_interpolation(mode: str, ndim: int, align: bool | None, how: dict) -> None:
    x = np.random.default_rng(0).normal(size=(1, 2, *(4, 7, 3)[:ndim]))
    options = {**how, "mode": mode, "align_corners": align}
    for recompute in (None, True) if "scale_factor" in how else (None,):
        compare(
            rustorch, torch.nn.functional, [x],
            call=lambda f, v, again=recompute: f.interpolate(v, **options, recompute_scale_factor=again)
            if hasattr(f, "interpolate") else None,
        )  # fmt: skip
