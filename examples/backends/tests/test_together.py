"""Several backends that know nothing of each other, and `cpu`, in one process at once."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from networks import losses, make

import rustorch
from rustorch import nn
from rustorch.testing import assert_close

DTYPES = ("bool", "uint8", "int64", "float16", "bfloat16", "float32")


@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors_move_between_all_of_them(strangers, dtype):
    original = rustorch.tensor(np.arange(-6, 6).reshape(3, 4), device="cpu").to(getattr(rustorch, dtype))
    for there, back in permutations(["cpu", *strangers], 2):
        moved = original.to(there).t().to(back).t().to("cpu")
        assert moved.dtype is original.dtype
        assert (moved == original).all().item()


def test_each_has_a_model_of_its_own_and_they_agree(strangers):
    places = ["cpu", *strangers]
    x = np.random.default_rng(0).standard_normal((5, 7)).astype(np.float32)
    gradients = []
    for place in places:
        rustorch.manual_seed(3)
        with rustorch.device(place):
            model = nn.Sequential(nn.Linear(7, 9), nn.GELU(), nn.LayerNorm(9), nn.Linear(9, 2))
        model(rustorch.tensor(x, device=place)).square().sum().backward()
        gradients.append([p.grad for p in model.parameters()])
    for place, found in zip(places, gradients, strict=True):
        assert all(g.device == rustorch.device(place) for g in found)
        for g, wanted in zip(found, gradients[0], strict=True):
            assert_close(g.to("cpu"), wanted, rtol=1e-4, atol=1e-5)


def test_operands_of_two_backends_are_refused(strangers):
    a, b = (rustorch.ones(2, device=place) for place in strangers[:2])
    with pytest.raises(rustorch.DeviceError, match="add: all tensors must be on one device"):
        a + b


@pytest.mark.parametrize("network", ["cnn", "transformer", "lstm"])
def test_a_training_run_goes_from_one_to_the_next(strangers, network):
    stayed = losses(network, "cpu")
    moved = losses(network, "cpu", swap={2 + 2 * i: place for i, place in enumerate(strangers[:3])})
    assert_close(np.array(moved), np.array(stayed), rtol=2e-4, atol=2e-4)


def test_a_checkpoint_names_no_device(strangers, tmp_path):
    model_of, _ = make("lstm")
    first, second = strangers[:2]
    with rustorch.device(first):
        saved = model_of()
    rustorch.save(saved.state_dict(), tmp_path / "model")
    with rustorch.device(second):
        loaded = model_of()
        loaded.load_state_dict(rustorch.load(tmp_path / "model"))
    for before, after in zip(saved.parameters(), loaded.parameters(), strict=True):
        assert after.device == rustorch.device(second)
        assert (before.to("cpu") == after.to("cpu")).all().item()
