"""docs/training.md names every layer, loss, metric, callback and option that there is."""

import inspect
import re
from pathlib import Path

import pytest

from rustorch import training
from rustorch.training.layers.activations import ACTIVATIONS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "training.md").read_text("utf-8")
CODE = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`\n]+`", PAGE))))
CALLBACKS = [
    name
    for name, value in vars(training).items()
    if inspect.isclass(value) and issubclass(value, training.Callback)
]
#: Second names, which the page leaves to the errors that list them.
ALIASES = {
    "mean_squared_error", "mean_absolute_error", "crossentropy", "bce", "acc", "f1_score",
}  # fmt: skip


@pytest.mark.parametrize("name", [*training.layer_names(), *ACTIVATIONS, *CALLBACKS])
def test_layers_activations_and_callbacks(name):
    assert name in CODE


@pytest.mark.parametrize("name", sorted(set(training.LOSSES) - ALIASES))
def test_losses(name):
    assert name in CODE


@pytest.mark.parametrize("name", inspect.signature(training.TrainerConfig).parameters)
def test_options_of_the_trainer(name):
    assert f"| `{name}` |" in PAGE
