"""Finding the logits of a model that ends in softmax or sigmoid, whatever its structure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rustorch import nn
from rustorch.training.losses import Scores

_KINDS = {"Softmax": "softmax", "LogSoftmax": "softmax", "Sigmoid": "sigmoid"}


class Heads:
    """Remembers input and output of every softmax and sigmoid module of the last forward."""

    def __init__(self) -> None:
        self._calls: list[tuple[Any, Any, Any]] = []

    def note(self, module: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Remember one call; a forward hook."""
        self._calls.append((module, inputs[0], output))

    def scores(self, prediction: Any) -> Scores:
        """Return the prediction with its logits, if it is the very output of such a module."""
        calls, self._calls = self._calls, []
        for module, logits, output in reversed(calls):
            if output is prediction:
                kind = _KINDS[type(module).__name__]
                dim = getattr(module, "dim", None)
                return Scores(prediction, logits, kind, None if dim is None else dim % prediction.ndim)
        return Scores(prediction)


@contextmanager
def watched(model: Any) -> Iterator[Heads]:
    """Watch the softmax and sigmoid modules of a model inside the block."""
    heads = Heads()
    kinds = (nn.Softmax, nn.LogSoftmax, nn.Sigmoid)
    handles = [m.register_forward_hook(heads.note) for m in model.modules() if type(m) in kinds]
    try:
        yield heads
    finally:
        for handle in handles:
            handle.remove()
