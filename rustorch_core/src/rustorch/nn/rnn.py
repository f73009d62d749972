"""Recurrent layers.

A layer in one direction is one op (:mod:`rustorch.ops.rnn_layer`) for all steps.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from rustorch.base import TensorBase
from rustorch.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from rustorch.nn import init
from rustorch.nn.checks import require_positive
from rustorch.nn.module import Module
from rustorch.nn.parameter import Parameter
from rustorch.nn.utils.rnn import PackedSequence
from rustorch.ops import rnn_layer as layers
from rustorch.ops.creation import empty
from rustorch.ops.dropout import dropout
from rustorch.ops.joining import cat, stack


class _Recurrent(Module):
    """Layers over sequences: parameters, shapes, directions.  Abstract."""

    gates: int  # how many times the hidden size the weights' rows are
    states = 1  # how many states a step hands on
    weight_ih_l0: Any

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        """Make the layers.

        Args:
            input_size: features of the input.
            hidden_size: features of the state.
            num_layers: how many layers, each fed with the states of the one before.
            bias: whether to add two biases, as PyTorch and cuDNN do.
            batch_first: sequences are (N, L, features) and not (L, N, features).
            dropout: probability of zeroing an element between layers, in training.
            bidirectional: a second set of layers reads the sequence backwards.
            proj_size: not supported; must be 0.
            device: where the parameters are.
            dtype: of the parameters.
        """
        super().__init__()
        name = type(self).__name__
        require_positive(name, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        given: Any = dropout
        if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given <= 1:
            raise ArgumentError(f"{name}: dropout must be a number between 0 and 1, got {dropout!r}")
        if proj_size != 0:
            raise ArgumentError(
                f"{name}: proj_size is not supported, got {proj_size!r}", hint="put a Linear behind"
            )
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                f"{name}: dropout acts between layers and there is only one", UserWarning, stacklevel=3
            )
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = 0
        for layer in range(num_layers):
            for what, shape in self._shapes(layer).items():
                setattr(self, what, Parameter(empty(shape, dtype=dtype, device=device)))
        self.reset_parameters()

    def _shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of a layer's parameters by name."""
        rows = self.gates * self.hidden_size
        features = self.input_size if layer == 0 else self.hidden_size * (2 if self.bidirectional else 1)
        shapes: dict[str, tuple[int, ...]] = {}
        for suffix in self._suffixes(layer):
            shapes[f"weight_ih_{suffix}"] = (rows, features)
            shapes[f"weight_hh_{suffix}"] = (rows, self.hidden_size)
            if self.bias:
                shapes[f"bias_ih_{suffix}"] = shapes[f"bias_hh_{suffix}"] = (rows,)
        return shapes

    def _suffixes(self, layer: int) -> list[str]:
        return [f"l{layer}", f"l{layer}_reverse"] if self.bidirectional else [f"l{layer}"]

    def reset_parameters(self) -> None:
        """Draw the parameters anew, uniform in ±1/sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        names = ("weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if self.bias else ()))
        return [
            [getattr(self, f"{name}_{suffix}") for name in names]
            for layer in range(self.num_layers)
            for suffix in self._suffixes(layer)
        ]

    def flatten_parameters(self) -> None:
        """Do nothing: parameters need not lie side by side here.  PyTorch's scripts call it."""

    # -- one direction of one layer ----------------------------------------------------------------

    def _layer(self, x: Any, state: tuple[Any, ...], *weights: Any, **options: Any) -> tuple[Any, Any]:
        """Return the states at all steps and the last, by an op of :mod:`rustorch.ops.rnn_layer`."""
        raise NotImplementedError

    def _sweep(
        self, x: Any, state: tuple[Any, ...], suffix: str, running: list[int] | None
    ) -> tuple[Any, tuple[Any, ...]]:
        """Run over (L, N, features), backwards for a reverse suffix; return all states and the last one.

        `running` says how many of the first samples take part in each step.
        """
        names = ("weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if self.bias else ()))
        weights = [getattr(self, f"{name}_{suffix}") for name in names]
        return self._layer(x, state, *weights, reverse=suffix.endswith("_reverse"), running=running)

    # -- all layers ----------------------------------------------------------------------------------

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """Run over a sequence.

        Args:
            input: (L, N, input_size), or (N, L, input_size) if batch_first, or (L, input_size), or a
                `PackedSequence`.
            hx: the first state (num_layers * directions, N, hidden_size) (without N for an unbatched
                input), for an LSTM the pair of state and cell; zeros if None.

        Returns:
            The states of the last layer (L, N, directions * hidden_size), in the form of the input, and
            the last state of every layer and direction, in the form of `hx`.

        Raises:
            ShapeError, DTypeError, ArgumentTypeError: if shapes, dtypes or types do not fit.
        """
        if isinstance(input, PackedSequence):
            padded, lengths = input.padded_sorted()
            states = self._first_states(hx, padded, batched=True)
            if input.sorted_indices is not None:
                states = [s.index_select(1, input.sorted_indices) for s in states]
            running = [sum(n > t for n in lengths) for t in range(padded.shape[0])]
            output, last = self._run(padded, states, running)
            if input.unsorted_indices is not None:
                last = [s.index_select(1, input.unsorted_indices) for s in last]
            return input.like(output), self._handed(last)
        name = type(self).__name__
        if not isinstance(input, TensorBase):
            raise ArgumentTypeError(f"{name}: the input must be a tensor, got {type(input).__name__}")
        if len(input.shape) not in (2, 3) or input.shape[-1] != self.input_size:
            raise ShapeError(
                f"{name}: the input must have 3 dims (2 unbatched), the last of {self.input_size}, "
                f"got shape {tuple(input.shape)}"
            )
        batched = len(input.shape) == 3
        x: Any = input
        if not batched:
            x = x.unsqueeze(1)
        elif self.batch_first:
            x = x.transpose(0, 1)
        if x.shape[0] == 0:
            raise ShapeError(f"{name}: the sequence must not be empty, got shape {tuple(input.shape)}")
        output, last = self._run(x, self._first_states(hx, x, batched=batched), None)
        if not batched:
            return output.squeeze(1), self._handed([s.squeeze(1) for s in last])
        return output.transpose(0, 1) if self.batch_first else output, self._handed(last)

    def _run(self, x: Any, states: list[Any], running: list[int] | None) -> tuple[Any, list[Any]]:
        last: list[tuple[Any, ...]] = []
        for layer in range(self.num_layers):
            if layer and self.dropout and self.training:
                x = dropout(x, self.dropout)
            outputs = []
            for suffix in self._suffixes(layer):
                first = tuple(s[len(last)] for s in states)
                output, final = self._sweep(x, first, suffix, running)
                outputs.append(output)
                last.append(final)
            x = outputs[0] if len(outputs) == 1 else cat(outputs, -1)
        return x, [stack(list(parts)) for parts in zip(*last, strict=True)]

    def _handed(self, last: list[Any]) -> Any:
        return last[0] if self.states == 1 else tuple(last)

    def _first_states(self, hx: Any, x: Any, *, batched: bool) -> list[Any]:
        """Return the first states, each (layers, N, hidden_size)."""
        name = type(self).__name__
        layers = self.num_layers * (2 if self.bidirectional else 1)
        shape = (layers, x.shape[1], self.hidden_size)
        if self.weight_ih_l0.dtype is not x.dtype:
            raise DTypeError(
                f"{name}: the input must be {self.weight_ih_l0.dtype.name} as the weights, got {x.dtype.name}"
            )
        if hx is None:
            return [x.new_zeros(shape) for _ in range(self.states)]
        given = [hx] if self.states == 1 else hx
        if not isinstance(given, (tuple, list)) or len(given) != self.states:
            raise ArgumentTypeError(
                f"{name}: hx must be a pair of tensors (state, cell), got {type(hx).__name__}"
            )
        wanted = shape if batched else (shape[0], shape[2])
        result = []
        for s in given:
            if not isinstance(s, TensorBase):
                raise ArgumentTypeError(f"{name}: hx must be a tensor, got {type(s).__name__}")
            if tuple(s.shape) != wanted:
                raise ShapeError(f"{name}: hx must have shape {wanted}, got {tuple(s.shape)}")
            result.append(s if batched else s.unsqueeze(1))
        return result

    def extra_repr(self) -> str:
        """Return the sizes and the options that are not the default."""
        text = f"{self.input_size}, {self.hidden_size}"
        for what, usual in (
            ("num_layers", 1),
            ("bias", True),
            ("batch_first", False),
            ("dropout", 0.0),
            ("bidirectional", False),
        ):
            value = getattr(self, what)
            if value != usual:
                text += f", {what}={value}"
        return text


class RNN(_Recurrent):
    """Elman's network: ``h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)``, or with relu for tanh.

    Parameters have PyTorch's names: weight_ih_l0 (hidden, input), weight_hh_l0 (hidden, hidden),
    bias_ih_l0, bias_hh_l0, with ``_l1`` and so on for further layers and the suffix ``_reverse`` for the
    other direction.

    >>> import rustorch
    >>> output, last = rustorch.nn.RNN(3, 4)(rustorch.ones(5, 2, 3))
    >>> tuple(output.shape), tuple(last.shape)
    ((5, 2, 4), (1, 2, 4))
    """

    gates = 1

    def __init__(self, *args: Any, nonlinearity: str = "tanh", **kwargs: Any) -> None:
        """Make the layers; `nonlinearity` (fourth) is "tanh" or "relu", the rest as for `LSTM`."""
        if len(args) > 3:
            nonlinearity, args = args[3], (*args[:3], *args[4:])
        if nonlinearity not in ("tanh", "relu"):
            raise ArgumentError(f"RNN: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
        super().__init__(*args, **kwargs)
        self.nonlinearity = nonlinearity

    def _layer(self, x: Any, state: tuple[Any, ...], *weights: Any, **options: Any) -> tuple[Any, Any]:
        options["nonlinearity"] = self.nonlinearity
        output, last = layers.rnn_layer(x, state[0], *weights, **options)
        return output, (last,)


class LSTM(_Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997); see :func:`rustorch.lstm_cell`.

    Parameters have PyTorch's names: weight_ih_l0 (4 hidden, input), weight_hh_l0 (4 hidden, hidden),
    bias_ih_l0, bias_hh_l0, the gates in the order i, f, g, o; ``_l1`` and so on for further layers and the
    suffix ``_reverse`` for the other direction.

    >>> import rustorch
    >>> lstm = rustorch.nn.LSTM(3, 4, num_layers=2, batch_first=True)
    >>> output, (state, cell) = lstm(rustorch.ones(2, 5, 3))
    >>> tuple(output.shape), tuple(state.shape)
    ((2, 5, 4), (2, 2, 4))
    """

    gates = 4
    states = 2

    def _layer(self, x: Any, state: tuple[Any, ...], *weights: Any, **options: Any) -> tuple[Any, Any]:
        return layers.lstm_layer(x, state, *weights, **options)


class GRU(_Recurrent):
    """Gated recurrent units (Cho et al., 2014); see :func:`rustorch.gru_cell`.

    Parameters have PyTorch's names, the gates in the order r, z, n.

    >>> import rustorch
    >>> output, last = rustorch.nn.GRU(3, 4, bidirectional=True)(rustorch.ones(5, 2, 3))
    >>> tuple(output.shape), tuple(last.shape)
    ((5, 2, 8), (2, 2, 4))
    """

    gates = 3

    def _layer(self, x: Any, state: tuple[Any, ...], *weights: Any, **options: Any) -> tuple[Any, Any]:
        output, last = layers.gru_layer(x, state[0], *weights, **options)
        return output, (last,)
