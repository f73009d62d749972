"""``ModelBuilder``: a model by method calls."""

from __future__ import annotations

from typing import Any

from rustorch.training.model import Model


class ModelBuilder:
    """Collects layers, then makes models of them.

    >>> from rustorch.training import ModelBuilder
    >>> model = ModelBuilder().dense(64, "relu").dropout(0.3).dense(10, "softmax").build("net")
    >>> model.layer_texts()
    ['Dense(64, activation=relu)', 'Dropout(0.3)', 'Dense(10, activation=softmax)']
    """

    def __init__(self) -> None:
        self._layers: list[Any] = []

    def dense(self, units: int, activation: str = "linear") -> ModelBuilder:
        """Add a Dense layer."""
        return self.add(f"Dense({units}, activation={activation})")

    def conv2d(self, filters: int, kernel_size: Any, activation: str = "relu") -> ModelBuilder:
        """Add a convolution."""
        return self.add(f"Conv2D({filters}, {kernel_size}, activation={activation})")

    def dropout(self, rate: float) -> ModelBuilder:
        """Add dropout."""
        return self.add(f"Dropout({rate})")

    def add(self, layer: Any) -> ModelBuilder:
        """Add any layer string or module."""
        Model().add(layer)  # errors belong here, not to build()
        self._layers.append(layer)
        return self

    def build(self, name: str | None = None) -> Model:
        """Return a new model with these layers; their parameters come with its first batch."""
        model = Model(name)
        for layer in self._layers:
            model.add(layer)
        return model
