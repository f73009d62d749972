"""Layers that compute with int8 numbers, for inference."""

from rustorch.nn.quantized import dynamic

__all__ = ["dynamic"]
