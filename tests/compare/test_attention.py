"""Attention and transformers against PyTorch."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from comparing import close, compare, same_parameters
from torch.nn.functional import scaled_dot_product_attention as sdpa

import rustorch
from rustorch import nn

rng = np.random.default_rng(0)


@pytest.mark.parametrize("device", ["cpu", "reference"])
@pytest.mark.parametrize("lead", [(), (2,), (2, 3), (2, 1, 3)], ids=str)
@pytest.mark.parametrize("mask", [None, "bool", "float", "broadcast", "causal"])
def test_values_and_gradients(lead: tuple[int, ...], mask: str | None, device: str) -> None:
    q, k, v, g = (rng.normal(size=(*lead, n, e)) for n, e in ((5, 4), (7, 4), (7, 3), (5, 3)))
    bias: Any = {
        "bool": rng.random((5, 7)) < 0.6, "float": rng.normal(size=(*lead, 5, 7)), "broadcast": rng.normal(size=(1, 7)),
    }.get(mask or "")  # fmt: skip
    if mask == "bool":
        bias[2] = False  # a row that sees nothing gives zeros
    found = []
    for library, function, place in (
        (rustorch, rustorch.scaled_dot_product_attention, {"device": device}), (torch, sdpa, {}),
    ):  # fmt: skip
        operands = [library.tensor(x, requires_grad=True, **place) for x in (q, k, v)]
        given = None if bias is None else library.tensor(bias, **place)
        result = function(*operands, given, is_causal=mask == "causal")
        found.append([result, *library.autograd.grad(result, operands, library.tensor(g, **place))])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a.to_numpy(), b.detach().numpy(), rtol=1e-10, atol=1e-10)


def test_gradient_of_a_float_mask() -> None:
    q, k, m = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 5, 4)), rng.normal(size=(3, 5))
    compare(rustorch.scaled_dot_product_attention, sdpa, [q, k, k, m], call=lambda f, *xs: f(*xs))


def test_shared_heads() -> None:
    q, k = rng.normal(size=(2, 6, 3, 4)), rng.normal(size=(2, 2, 5, 4))
    compare(
        rustorch.scaled_dot_product_attention,
        sdpa,
        [q, k, k],
        call=lambda f, *xs: f(*xs, enable_gqa=True, scale=0.7),
    )


@pytest.mark.parametrize("device", ["cpu", "reference"])
@pytest.mark.parametrize("causal", [False, True])
def test_second_derivative(device: str, causal: bool) -> None:
    q, k, v = (rng.normal(size=(1, 2, 4, 3)) for _ in range(3))
    found = []
    for library, function, place in (
        (rustorch, rustorch.scaled_dot_product_attention, {"device": device}), (torch, sdpa, {}),
    ):  # fmt: skip
        operands = [library.tensor(x, requires_grad=True, **place) for x in (q, k, v)]
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            y = function(*operands, is_causal=causal).sin().sum()
        first = library.autograd.grad(y, operands, create_graph=True)
        found.append(library.autograd.grad(sum((g * g).sum() for g in first), operands))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a.to_numpy(), b.numpy(), rtol=1e-9, atol=1e-10)


def test_float32() -> None:
    q, k, v = (rng.normal(size=(2, 4, n, 16)).astype(np.float32) for n in (33, 47, 47))
    compare(
        rustorch.scaled_dot_product_attention, sdpa, [q, k, v], call=lambda f, *xs: f(*xs), tolerance=2e-5
    )


# -- MultiheadAttention ------------------------------------------------------------------------------

MASKS: dict[str, Any] = {
    "none": (None, None),
    "bool": (rng.random((4, 5)) < 0.3, rng.random((3, 5)) < 0.3),
    "heads": (rng.random((6, 4, 5)) < 0.3, None),
    "float": (rng.normal(size=(4, 5)), rng.normal(size=(3, 5))),
    "padding": (None, rng.random((3, 5)) < 0.3),
}
for _attn, _padding in MASKS.values():
    for _mask in (_attn, _padding):
        if _mask is not None and _mask.dtype == bool:
            _mask[..., 0] = False  # every query sees a key


@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize(
    "options",
    [{}, {"bias": False}, {"kdim": 5, "vdim": 3}, {"add_bias_kv": True}, {"add_zero_attn": True}],
    ids=str,
)
@pytest.mark.parametrize("batch_first", [False, True])
def test_multihead(options: dict, masks: str, batch_first: bool) -> None:
    theirs = torch.nn.MultiheadAttention(8, 2, batch_first=batch_first, **options)
    ours = nn.MultiheadAttention(8, 2, batch_first=batch_first, **options)
    same_parameters(ours, theirs)
    sizes = ((4, 8), (5, options.get("kdim", 8)), (5, options.get("vdim", 8)))
    inputs = [rng.normal(size=(3, n, e) if batch_first else (n, 3, e)) for n, e in sizes]
    attn, padding = MASKS[masks]

    def run(module: Any, *xs: Any, weights: bool, average: bool) -> Any:
        tensor = rustorch.tensor if module is ours else torch.tensor
        given = [None if m is None else tensor(m) for m in (padding, attn)]
        return module(*xs, given[0], weights, given[1], average)

    for weights, average in ((True, True), (True, False), (False, True)):
        compare(
            ours, theirs, inputs, call=lambda m, *xs, w=weights, a=average: run(m, *xs, weights=w, average=a)
        )


def test_multihead_of_one_sequence() -> None:
    theirs, ours = torch.nn.MultiheadAttention(8, 2), nn.MultiheadAttention(8, 2)
    same_parameters(ours, theirs)
    compare(ours, theirs, [rng.normal(size=(4, 8))], call=lambda m, x: m(x, x, x))


# -- transformers ------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize(
    "options", [*itertools.product((False, True), (False, True), ("relu", "gelu"), (True, False))], ids=str
)
def test_transformer(options: tuple[bool, bool, str, bool]) -> None:
    norm_first, batch_first, activation, bias = options
    given = {
        "dim_feedforward": 12, "dropout": 0.0, "activation": activation, "norm_first": norm_first,
        "batch_first": batch_first, "bias": bias,
    }  # fmt: skip
    theirs, ours = torch.nn.Transformer(8, 2, 2, 2, **given), nn.Transformer(8, 2, 2, 2, **given)
    assert [n for n, _ in ours.named_modules()] == [n for n, _ in theirs.named_modules()]
    same_parameters(ours, theirs)
    source, target = (rng.normal(size=(3, n, 8) if batch_first else (n, 3, 8)) for n in (5, 4))
    padding = np.zeros((3, 5), bool)
    padding[1, 3:] = True

    def run(module: Any, src: Any, tgt: Any) -> Any:
        library = rustorch if module is ours else torch
        causal = type(module).generate_square_subsequent_mask(4, dtype=library.float64)
        ignored = library.tensor(padding)
        return module(
            src,
            tgt,
            tgt_mask=causal,
            src_key_padding_mask=ignored,
            memory_key_padding_mask=ignored,
            tgt_is_causal=True,
        )

    compare(ours, theirs, [source, target], call=run)


def test_causal_masks_are_equal() -> None:
    close(
        nn.Transformer.generate_square_subsequent_mask(4),
        torch.nn.Transformer.generate_square_subsequent_mask(4),
    )
