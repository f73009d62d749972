"""Recurrent layers on (batch, time, features)."""

from __future__ import annotations

from typing import Any

import rustorch
from rustorch import nn
from rustorch.training.layers import checks
from rustorch.training.layers.table import Build, layer


class LastState(nn.Module):
    """From what a recurrent module returns to its last hidden state, the directions side by side."""

    def __init__(self, directions: int) -> None:
        super().__init__()
        self.directions = directions

    def forward(self, result: tuple[Any, Any]) -> Any:
        """Return (batch, directions * units)."""
        state = result[1][0] if isinstance(result[1], tuple) else result[1]
        if self.directions == 1:
            return state[-1]
        return rustorch.cat([state[-2], state[-1]], 1)


class Outputs(nn.Module):
    """From what a recurrent module returns to its output at every step."""

    def forward(self, result: tuple[Any, Any]) -> Any:
        """Return (batch, time, directions * units)."""
        return result[0]


def _recurrent(name: str, kind: Any, options: dict[str, Any]) -> Build:
    units = checks.count(name, "units", options["units"])
    layers = checks.count(name, "layers", options["layers"])
    both = checks.flag(name, "bidirectional", options["bidirectional"])
    sequences = checks.flag(name, "return_sequences", options["return_sequences"])
    rate = checks.share(name, "dropout", options["dropout"])

    def build(shape: tuple[int, ...]) -> list[Any]:
        checks.rank(name, shape, 3, form="(batch, time, features)")
        made = kind(shape[2], units, num_layers=layers, batch_first=True, dropout=rate, bidirectional=both)
        return [made, Outputs() if sequences else LastState(1 + both)]

    return build


@layer("LSTM", example="LSTM(64, return_sequences=True)")
def lstm(
    units: int,
    return_sequences: bool = False,
    layers: int = 1,
    bidirectional: bool = False,
    dropout: float = 0.0,
) -> Build:
    """Long short-term memory: the last state, or with `return_sequences` the output at every step."""
    return _recurrent("LSTM", nn.LSTM, locals())


@layer("GRU", example="GRU(64, return_sequences=True)")
def gru(
    units: int,
    return_sequences: bool = False,
    layers: int = 1,
    bidirectional: bool = False,
    dropout: float = 0.0,
) -> Build:
    """Gated recurrent units: the last state, or with `return_sequences` the output at every step."""
    return _recurrent("GRU", nn.GRU, locals())


@layer("RNN", "SimpleRNN", example="RNN(64)")
def rnn(
    units: int,
    return_sequences: bool = False,
    layers: int = 1,
    bidirectional: bool = False,
    dropout: float = 0.0,
) -> Build:
    """Plain recurrence with tanh: the last state, or with `return_sequences` the output at every step."""
    return _recurrent("RNN", nn.RNN, locals())
