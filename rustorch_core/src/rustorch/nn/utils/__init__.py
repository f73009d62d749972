"""Helpers for training and for sequences."""

from rustorch.nn.utils import rnn
