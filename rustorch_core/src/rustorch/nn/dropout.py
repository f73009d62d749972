"""Layers that drop elements at random in training."""

from __future__ import annotations

from typing import Any

from rustorch.errors import ArgumentError
from rustorch.nn.module import Module
from rustorch.ops import dropout


class _Dropout(Module):
    """What dropout layers share.  Abstract."""

    def __init__(self, p: Any = 0.5, inplace: bool = False) -> None:
        """Make the layer; `p` is the probability that an element (or channel) is dropped."""
        super().__init__()
        if isinstance(p, bool) or not isinstance(p, (int, float)) or not 0 <= p <= 1:
            raise ArgumentError(f"{type(self).__name__}: p must be a probability in [0, 1], got {p!r}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Set elements to 0 with probability p and scale the others by 1/(1-p); nothing in evaluation.

    >>> import rustorch
    >>> layer = rustorch.nn.Dropout(0.5).eval()
    >>> layer(rustorch.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, input: Any) -> Any:
        """Return `input` with elements dropped."""
        return dropout.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """Drop whole channels of (N, C, L) or (C, L)."""

    def forward(self, input: Any) -> Any:
        """Return `input` with channels dropped."""
        return dropout.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """Drop whole channels of (N, C, H, W)."""

    def forward(self, input: Any) -> Any:
        """Return `input` with channels dropped."""
        return dropout.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_Dropout):
    """Drop whole channels of (N, C, D, H, W) or (C, D, H, W)."""

    def forward(self, input: Any) -> Any:
        """Return `input` with channels dropped."""
        return dropout.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """Dropout that keeps mean and variance, for SELU (Klambauer et al., 2017)."""

    def forward(self, input: Any) -> Any:
        """Return `input` with elements dropped."""
        return dropout.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels."""

    def forward(self, input: Any) -> Any:
        """Return `input` with channels dropped."""
        return dropout.feature_alpha_dropout(input, self.p, self.training, self.inplace)
