"""Recurrent layers against PyTorch."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from comparing import close, compare, same_parameters

import rustorch
from rustorch import nn

KINDS = ["RNN", "LSTM", "GRU"]


def pair(kind: str, *sizes: int, dtype: str = "float64", **options: Any) -> tuple[Any, Any]:
    theirs, ours = getattr(torch.nn, kind)(*sizes, **options), getattr(nn, kind)(*sizes, **options)
    same_parameters(ours, theirs, dtype)
    return ours, theirs


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options", [*itertools.product((1, 3), (False, True), (False, True), (False, True))], ids=str
)
def test_layers(kind: str, options: tuple[int, bool, bool, bool]) -> None:
    layers, both, first, bias = options
    ours, theirs = pair(kind, 3, 4, num_layers=layers, bidirectional=both, batch_first=first, bias=bias)
    assert repr(ours) == repr(theirs)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 2, 3))
    states = [rng.normal(size=(layers * (1 + both), 5 if first else 2, 4)) for _ in range(2)]
    compare(ours, theirs, [x])
    if kind == "LSTM":
        compare(ours, theirs, [x, *states], call=lambda m, v, h, c: m(v, (h, c)))
    else:
        compare(ours, theirs, [x, states[0]])


@pytest.mark.parametrize("kind", KINDS)
def test_unbatched(kind: str) -> None:
    ours, theirs = pair(kind, 3, 4, num_layers=2, bidirectional=True)
    compare(ours, theirs, [np.random.default_rng(0).normal(size=(5, 3))])


def test_relu() -> None:
    ours, theirs = pair("RNN", 3, 4, nonlinearity="relu")
    compare(ours, theirs, [np.random.default_rng(0).normal(size=(5, 2, 3))])


@pytest.mark.parametrize("kind", KINDS)
def test_float32(kind: str) -> None:
    ours, theirs = pair(kind, 6, 8, num_layers=2, dtype="float32")
    compare(
        ours, theirs, [np.random.default_rng(0).normal(size=(12, 3, 6)).astype(np.float32)], tolerance=3e-5
    )


@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell"])
@pytest.mark.parametrize("shape", [(2, 3), (3,)])
def test_cells(kind: str, shape: tuple[int, ...]) -> None:
    ours, theirs = pair(kind, 3, 4)
    assert repr(ours) == repr(theirs)
    rng = np.random.default_rng(0)
    x, h, c = rng.normal(size=shape), *(rng.normal(size=(*shape[:-1], 4)) for _ in range(2))
    compare(ours, theirs, [x])
    if kind == "LSTMCell":
        compare(ours, theirs, [x, h, c], call=lambda m, v, *s: m(v, s))
    else:
        compare(ours, theirs, [x, h])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("lengths", [[3, 5, 1], [4, 4, 4], [5, 2, 2]], ids=str)
def test_packed_sequences(kind: str, both: bool, lengths: list[int]) -> None:
    ours, theirs = pair(kind, 3, 4, num_layers=2, bidirectional=both, batch_first=True)
    x = np.random.default_rng(0).normal(size=(3, 5, 3))

    def run(module: Any, v: Any) -> Any:
        tools = nn.utils.rnn if module is ours else torch.nn.utils.rnn
        packed = tools.pack_padded_sequence(v, lengths, batch_first=True, enforce_sorted=False)
        output, last = module(packed)
        return *tools.pad_packed_sequence(output, True, -1.0, 6), last

    compare(ours, theirs, [x], call=run)


def test_pad_sequence() -> None:
    parts = [np.arange(float(n * 2)).reshape(n, 2) for n in (2, 4, 1)]
    for first, side in itertools.product((False, True), ("left", "right")):
        found = nn.utils.rnn.pad_sequence([rustorch.tensor(p) for p in parts], first, -1.0, side)
        close(found, torch.nn.utils.rnn.pad_sequence([torch.tensor(p) for p in parts], first, -1.0, side))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("device", ["cpu", "reference"])
def test_second_derivative(kind: str, device: str) -> None:
    ours, theirs = pair(kind, 2, 3)
    ours.to(device=device)
    x = np.random.default_rng(0).normal(size=(4, 2, 2))
    found = []
    for library, module, place in ((rustorch, ours, {"device": device}), (torch, theirs, {})):
        v = library.tensor(x, requires_grad=True, **place)
        y = module(v)[0].sin().sum()
        first = library.autograd.grad(y, [v, *module.parameters()], create_graph=True)
        found.append(library.autograd.grad(sum((g * g).sum() for g in first), [v, *module.parameters()]))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a.to_numpy(), b.numpy(), rtol=1e-9, atol=1e-10)
