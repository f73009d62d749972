"""Layers that strings can name: ``"Dense(64, activation=relu)"``.

A string is read by :mod:`.grammar`, found in :mod:`.table`, and built when the shape of its input is known.
"""

from rustorch.training.layers import activations, conv, dense, norm, recurrent
from rustorch.training.layers.table import Build, layer, layer_names, resolve

__all__ = ["Build", "layer", "layer_names", "resolve"]
