"""Single steps of recurrent layers."""

from __future__ import annotations

import math
from typing import Any

from rustorch.base import TensorBase
from rustorch.errors import ArgumentError, ArgumentTypeError
from rustorch.nn import init
from rustorch.nn.checks import require_positive
from rustorch.nn.module import Module
from rustorch.nn.parameter import Parameter
from rustorch.ops import rnn as cells
from rustorch.ops.creation import empty


class _Cell(Module):
    """One step of a recurrent layer.  Abstract."""

    gates: int
    bias_ih: Any
    bias_hh: Any

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        """Make the cell; the parameters are weight_ih, weight_hh, bias_ih and bias_hh."""
        super().__init__()
        require_positive(type(self).__name__, input_size=input_size, hidden_size=hidden_size)
        self.input_size = input_size
        self.hidden_size = hidden_size
        rows = self.gates * hidden_size
        self.weight_ih = Parameter(empty(rows, input_size, dtype=dtype, device=device))
        self.weight_hh = Parameter(empty(rows, hidden_size, dtype=dtype, device=device))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(
                name, Parameter(empty(rows, dtype=dtype, device=device)) if bias else None
            )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew, uniform in ±1/sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _zeros(self, input: Any) -> Any:
        if not isinstance(input, TensorBase):
            raise ArgumentTypeError(
                f"{type(self).__name__}: the input must be a tensor, got {type(input).__name__}"
            )
        return input.new_zeros((*input.shape[:-1], self.hidden_size))

    def _stepped(self, op: Any, input: Any, hx: Any) -> Any:
        return op(input, hx, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)

    def extra_repr(self) -> str:
        """Return the sizes."""
        text = f"{self.input_size}, {self.hidden_size}"
        return text if self.bias_ih is not None else f"{text}, bias=False"


class RNNCell(_Cell):
    """One step of `RNN`: (N, input_size) and (N, hidden_size) to (N, hidden_size); also without N."""

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        """Make the cell; `nonlinearity` is "tanh" or "relu"."""
        if nonlinearity not in ("tanh", "relu"):
            raise ArgumentError(f"RNNCell: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Return the new state; the old one is zeros if None."""
        op = cells.rnn_tanh_cell if self.nonlinearity == "tanh" else cells.rnn_relu_cell
        return self._stepped(op, input, self._zeros(input) if hx is None else hx)


class LSTMCell(_Cell):
    """One step of `LSTM`: (N, input_size) and the pair (state, cell) to the new pair; also without N.

    >>> import rustorch
    >>> h, c = rustorch.nn.LSTMCell(3, 4)(rustorch.ones(2, 3))
    >>> tuple(h.shape), tuple(c.shape)
    ((2, 4), (2, 4))
    """

    gates = 4

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """Return the new state and cell; the old ones are zeros if None."""
        if hx is None:
            zeros = self._zeros(input)
            hx = (zeros, zeros)
        return self._stepped(cells.lstm_cell, input, hx)  # type: ignore[no-any-return]


class GRUCell(_Cell):
    """One step of `GRU`: (N, input_size) and (N, hidden_size) to (N, hidden_size); also without N."""

    gates = 3

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Return the new state; the old one is zeros if None."""
        return self._stepped(cells.gru_cell, input, self._zeros(input) if hx is None else hx)
