"""Pooling against PyTorch: values, positions, gradients, and what happens at ties, NaN and infinities."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from comparing import close, compare

import rustorch
from rustorch import nn

SIZES = {1: (13,), 2: (11, 9)}
WINDOWS = [
    (kernel, stride, padding)
    for kernel, stride, padding in itertools.product((2, 3, 4), (None, 1, 2, 3), (0, 1))
    if padding * 2 <= kernel
]


def signal(ndim: int, *, batched: bool = True) -> np.ndarray:
    return (
        np.random.default_rng(0)
        .permutation(2 * 3 * int(np.prod(SIZES[ndim])))
        .reshape(2, 3, *SIZES[ndim])[slice(None) if batched else 0]
        / 10
    )


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("ndim", [1, 2])
def test_max(ndim: int, window: tuple, ceil: bool) -> None:
    for dilation, batched in ((1, True), (2, True), (1, False)):
        options = {"dilation": dilation, "ceil_mode": ceil, "return_indices": True}
        ours = getattr(nn, f"MaxPool{ndim}d")(*window, **options)
        theirs = getattr(torch.nn, f"MaxPool{ndim}d")(*window, **options)
        compare(ours, theirs, [signal(ndim, batched=batched)])


@pytest.mark.parametrize("include", [False, True])
@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("ndim", [1, 2])
def test_average(ndim: int, window: tuple, ceil: bool, include: bool) -> None:
    for batched, divisor in ((True, None), (False, None), (True, 5)):
        options = {} if divisor is None or ndim == 1 else {"divisor_override": divisor}
        ours = getattr(nn, f"AvgPool{ndim}d")(*window, ceil, include, **options)
        theirs = getattr(torch.nn, f"AvgPool{ndim}d")(*window, ceil, include, **options)
        compare(ours, theirs, [signal(ndim, batched=batched)])


@pytest.mark.parametrize("size", [1, 2, 3, 5, 9, 14])
@pytest.mark.parametrize("ndim", [1, 2])
def test_adaptive(ndim: int, size: int) -> None:
    sizes = [size] if ndim == 1 else [size, (size, None), (None, size), (2, size)]
    for target in sizes:
        ours, theirs = (
            getattr(nn, f"AdaptiveAvgPool{ndim}d")(target),
            getattr(torch.nn, f"AdaptiveAvgPool{ndim}d")(target),
        )
        compare(ours, theirs, [signal(ndim)])
        ours = getattr(nn, f"AdaptiveMaxPool{ndim}d")(target, return_indices=True)
        theirs = getattr(torch.nn, f"AdaptiveMaxPool{ndim}d")(target, return_indices=True)
        compare(ours, theirs, [signal(ndim, batched=False)])


@pytest.mark.parametrize("device", ["cpu", "reference"])
@pytest.mark.parametrize("special", [-np.inf, np.inf, np.nan, 0.0])
@pytest.mark.parametrize(
    "options", [{"padding": 1, "stride": 2}, {"padding": 1, "dilation": 2}, {"ceil_mode": True, "stride": 2}]
)
def test_ties_and_special_values(special: float, options: dict, device: str) -> None:
    x = np.full((1, 2, 6, 5), special)
    x[0, 1, 2, 3] = 1.5
    found = rustorch.max_pool2d(rustorch.tensor(x, device=device), 3, return_indices=True, **options)
    expected = torch.nn.functional.max_pool2d(torch.tensor(x), 3, return_indices=True, **options)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a.to_numpy(), b.numpy())


@pytest.mark.parametrize("device", ["cpu", "reference"])
def test_second_derivative(device: str) -> None:
    x = signal(2) / 20
    found = []
    for library, functions, place in (
        (rustorch, rustorch, {"device": device}),
        (torch, torch.nn.functional, {}),
    ):
        a = library.tensor(x, requires_grad=True, **place)
        y = functions.max_pool2d(a * a, 3, 2, 1).sum() + (functions.avg_pool2d(a * a, 3, 2, 1) ** 2).sum()
        (first,) = library.autograd.grad(y, [a], create_graph=True)
        found.append(library.autograd.grad(first.sin().sum(), [a]))
    close(found[0], found[1], 1e-9)


def test_unpooling() -> None:
    x = signal(2)
    for stride, padding, size in ((None, 0, (11, 9)), (2, 1, (11, 9)), ((3, 2), 0, (2, 3, 11, 9))):
        compare(
            (nn.MaxPool2d(2, stride, padding, return_indices=True), nn.MaxUnpool2d(2, stride, padding)),
            (
                torch.nn.MaxPool2d(2, stride, padding, return_indices=True),
                torch.nn.MaxUnpool2d(2, stride, padding),
            ),
            [x],
            call=lambda pair, v, size=size: pair[1](*pair[0](v), output_size=size),
        )
