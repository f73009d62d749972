"""Recurrent layers: shapes, states, packed sequences, errors."""

import pytest

import rustorch
from rustorch import nn
from rustorch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence


def ones(*shape: int) -> rustorch.Tensor:
    return rustorch.ones(shape or (5, 2, 3))


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_layer_is_its_cell_step_by_step(kind) -> None:
    rustorch.manual_seed(0)
    layer = kind(3, 4)
    cell = {nn.RNN: nn.RNNCell, nn.LSTM: nn.LSTMCell, nn.GRU: nn.GRUCell}[kind](3, 4)
    cell.load_state_dict({n.removesuffix("_l0"): v for n, v in layer.state_dict().items()})
    x = rustorch.randn((5, 2, 3))
    output, last = layer(x)
    state = None
    for t in range(5):
        state = cell(x[t], state)
        h = state[0] if kind is nn.LSTM else state
        assert rustorch.allclose(output[t], h, atol=1e-6)
    assert rustorch.allclose(last[0] if kind is nn.LSTM else last, h.unsqueeze(0), atol=1e-6)


def test_padding_does_not_change_a_packed_result() -> None:
    rustorch.manual_seed(0)
    layer = nn.GRU(3, 4, bidirectional=True, num_layers=2)
    parts = [rustorch.randn((n, 3)) for n in (4, 2, 5)]
    packed = pack_padded_sequence(pad_sequence(parts, padding_value=77.0), [4, 2, 5], enforce_sorted=False)
    output, lengths = pad_packed_sequence(layer(packed)[0])
    assert lengths.tolist() == [4, 2, 5]
    for i, part in enumerate(parts):
        assert rustorch.allclose(output[: len(part), i], layer(part)[0], atol=1e-6)


def test_dropout_acts_between_layers_in_training_only() -> None:
    rustorch.manual_seed(0)
    layer = nn.LSTM(3, 4, num_layers=2, dropout=0.5)
    assert (layer(ones())[0] != layer(ones())[0]).any()
    layer.eval()
    assert layer(ones())[0].tolist() == layer(ones())[0].tolist()


def test_dropout_with_one_layer_warns() -> None:
    with pytest.warns(UserWarning, match="dropout acts between layers and there is only one"):
        nn.GRU(3, 4, dropout=0.5)


def test_a_long_sequence_differentiates() -> None:
    layer = nn.LSTM(2, 3)
    layer(rustorch.randn((500, 1, 2)))[0].sum().backward()
    assert all(p.grad.isfinite().all() for p in layer.parameters())


ERRORS = {
    r"LSTM: the input must have 3 dims \(2 unbatched\), the last of 3, got shape \(5, 2, 4\)": lambda: (
        nn.LSTM(3, 4)(ones(5, 2, 4))
    ),
    "LSTM: the input must be float32 as the weights, got float64": lambda: nn.LSTM(3, 4)(ones().double()),
    "LSTM: hx must be a pair of tensors": lambda: nn.LSTM(3, 4)(ones(), ones()),
    r"GRU: hx must have shape \(1, 2, 4\), got \(1, 2, 5\)": lambda: nn.GRU(3, 4)(ones(), ones(1, 2, 5)),
    "GRU: the input must be a tensor, got list": lambda: nn.GRU(3, 4)([1, 2]),
    "the sequence must not be empty": lambda: nn.GRU(3, 4)(ones(0, 2, 3)),
    "proj_size is not supported": lambda: nn.LSTM(3, 4, proj_size=2),
    "hidden_size must be a positive integer, got 0": lambda: nn.LSTM(3, 0),
    "nonlinearity must be 'tanh' or 'relu', got 'sin'": lambda: nn.RNN(3, 4, nonlinearity="sin"),
    "dropout must be a number between 0 and 1": lambda: nn.RNN(3, 4, dropout=2, num_layers=2),
    r"w_ih must have shape \(12, 5\), got \(12, 3\)": lambda: nn.GRUCell(3, 4)(ones(2, 5)),
    r"hx must be the pair \(state, cell\)": lambda: nn.LSTMCell(3, 4)(ones(2, 3), ones(2, 4)),
    "lengths must decrease": lambda: pack_padded_sequence(ones(), [2, 3]),
    "2 lengths between 1 and 5 are required": lambda: pack_padded_sequence(ones(), [6, 3]),
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors(text: str) -> None:
    with pytest.raises(rustorch.RusTorchError, match=text):
        ERRORS[text]()
