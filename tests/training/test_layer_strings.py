import pytest

import rustorch
from rustorch import nn
from rustorch.errors import ArgumentError, ArgumentTypeError, ShapeError
from rustorch.training import Model, layer_names
from rustorch.training.layers import grammar


@pytest.mark.parametrize(
    ("text", "args", "kwargs"),
    [
        ("Dense(64, activation=relu)", (64,), {"activation": "relu"}),
        (" Dense( 64 ,activation = 'relu' ) ", (64,), {"activation": "relu"}),
        ("Flatten()", (), {}),
        ("Flatten", (), {}),
        ("X(-1, 0.5, -2.5, 1e-5)", (-1, 0.5, -2.5, 1e-5), {}),
        ("X((3, 3), [1, 2], a=true, b=False, c=None)", ((3, 3), (1, 2)), {"a": True, "b": False, "c": None}),
    ],
)
def test_what_is_read(text, args, kwargs):
    call = grammar.read(text)
    assert (call.args, call.kwargs) == (args, kwargs)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "Dense(",
        "Dense(64 activation=relu)",
        "Dense(__import__('os').system('true'))",
        "Dense(open('x'))",
        "Dense(lambda: 1)",
        "Dense(1 + 1)",
        "Dense(*[1])",
        "Dense(**{'units': 1})",
        "Dense({1: 2})",
        "Dense(x.y)",
        "nn.Linear(3)",
        "Dense(1); Dense(2)",
        "Dense(1)\nDense(2)",
        "Dense(f'{1}')",
        "Dense(b'1')",
        "Dense(...)",
        "(" * 400,
        "-" * 400 + "1",
        "Dense(" + "9" * 10_000 + ")",
        "Dense(\0)",
        "Dense(units=1, units=2)",
    ],
)
def test_what_is_refused(text):
    with pytest.raises(ArgumentError, match="layer: "):
        Model().add(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Dens(64)", r"Dens: no such layer; did you mean Dense\?"),
        ("Droput(0.3)", r"did you mean Dropout\?"),
        ("Quantum(3)", r"Quantum: no such layer\n.*the layers are Activation, AvgPool2D"),
        ("Dense(64, activaton=relu)", r"Dense: no argument 'activaton'; did you mean activation\?"),
        ("Dense(64, activation=relo)", r"Dense: no activation 'relo'; did you mean relu\?"),
        (
            "Dense()",
            r"Dense: missing a required argument: 'units'.*\n.*Dense\(units, activation=linear, bias=True\)",
        ),
        ("Dense(1, relu, True, 4)", "Dense: too many positional arguments"),
        ("Dense(0)", "Dense: units must be an integer of at least 1, got 0"),
        ("Dense(-3)", "got -3"),
        ("Dense(2.5)", "got 2.5"),
        ("Dense(true)", "got True"),
        ("Dense(relu)", "got 'relu'"),
        ("Dense(3, bias=maybe)", "bias must be True or False, got 'maybe'"),
        ("Dropout(1.0)", r"Dropout: rate must be in \[0, 1\), got 1.0"),
        ("Conv2D(8, (3, 3, 3))", "kernel must be an integer or 2 of them"),
        ("Conv2D(8, 2, padding=same)", "padding=same needs stride 1 and odd kernels"),
        ("LSTM(4, layers=0)", "LSTM: layers must be"),
    ],
)
def test_errors_help(text, message):
    with pytest.raises(ArgumentError, match=message):
        Model().add(text)


def test_only_layers_can_be_added():
    with pytest.raises(ArgumentTypeError, match="a layer string or a Module is required, got int"):
        Model().add(3)
    with pytest.raises(ArgumentTypeError, match="got the class Linear"):
        Model().add(nn.Linear)


@pytest.mark.parametrize(
    ("text", "shape", "expected"),
    [
        ("Dense(5)", (2, 3), (2, 5)),
        ("Dense(5, tanh, bias=False)", (2, 7, 3), (2, 7, 5)),
        ("Dropout(0.5)", (2, 3), (2, 3)),
        ("Flatten()", (2, 3, 4), (2, 12)),
        ("Reshape(4, 3)", (2, 3, 4), (2, 4, 3)),
        ("Reshape(-1)", (2, 3, 4), (2, 12)),
        ("Conv2D(5, 3, activation=relu)", (2, 3, 8, 8), (2, 5, 6, 6)),
        ("Conv2D(4, (3, 5), stride=(1, 2), padding=1)", (2, 3, 8, 9), (2, 4, 8, 4)),
        ("Conv2D(4, 5, padding=same, dilation=2)", (2, 3, 8, 8), (2, 4, 8, 8)),
        ("Conv2D(6, 3, groups=3)", (2, 3, 8, 8), (2, 6, 6, 6)),
        ("Conv1D(5, 3)", (2, 3, 9), (2, 5, 7)),
        ("MaxPool2D(2)", (2, 3, 8, 8), (2, 3, 4, 4)),
        ("AvgPool2D(3, stride=1, padding=1)", (2, 3, 8, 8), (2, 3, 8, 8)),
        ("GlobalAvgPool2D()", (2, 3, 8, 8), (2, 3)),
        ("GlobalMaxPool2D", (2, 3, 8, 8), (2, 3)),
        ("BatchNorm()", (4, 3), (4, 3)),
        ("BatchNorm()", (4, 3, 5, 5), (4, 3, 5, 5)),
        ("LayerNorm()", (2, 3, 4), (2, 3, 4)),
        ("LSTM(6)", (2, 5, 3), (2, 6)),
        ("LSTM(6, return_sequences=true)", (2, 5, 3), (2, 5, 6)),
        ("LSTM(6, bidirectional=true, layers=2)", (2, 5, 3), (2, 12)),
        ("GRU(6)", (2, 5, 3), (2, 6)),
        ("GRU(6, bidirectional=true, return_sequences=true)", (2, 5, 3), (2, 5, 12)),
        ("RNN(6)", (2, 5, 3), (2, 6)),
        ("Activation(gelu)", (2, 3), (2, 3)),
        ("Softmax()", (2, 3), (2, 3)),
        ("LeakyReLU(0.2)", (2, 3), (2, 3)),
        ("ELU()", (2, 3), (2, 3)),
        ("linear(4)", (2, 3), (2, 4)),
    ],
)
def test_layers_give_the_right_shape(text, shape, expected):
    model = Model().add(text)
    assert tuple(model(rustorch.randn(shape)).shape) == expected
    assert tuple(model(rustorch.randn((3, *shape[1:]))).shape) == (3, *expected[1:])


def test_embedding_takes_integers():
    model = Model().add("Embedding(10, 4)").add("LSTM(3)")
    assert tuple(model(rustorch.zeros((2, 5), dtype="int64")).shape) == (2, 3)


def test_every_layer_is_tested_by_name():
    known = (
        "Activation AvgPool2D BatchNorm Conv1D Conv2D Dense Dropout ELU Embedding Flatten GELU GRU "
        "GlobalAvgPool2D GlobalMaxPool2D LSTM LayerNorm LeakyReLU MaxPool2D RNN ReLU Reshape "
        "SiLU Sigmoid Softmax Tanh"
    )
    assert layer_names() == known.split()


def test_layers_are_the_modules_of_nn():
    rustorch.manual_seed(0)
    model = Model().add("Dense(5, activation=relu)")
    x = rustorch.randn((2, 3))
    y = model(x)
    weight, bias = model.state_dict().values()
    assert bool((y == rustorch.nn.functional.linear(x, weight, bias).relu()).all())
    assert list(model.state_dict()) == ["dense_1.weight", "dense_1.bias"]


@pytest.mark.parametrize(
    ("layers", "shape", "message"),
    [
        (
            ["Conv2D(4, 3)"],
            (2, 8, 8),
            r"shape \(batch, channels, height, width\).* got \(2, 8, 8\)",
        ),
        (["Dense(4)"], (5,), r"Dense: .*shape \(batch, ..., features\) is required, got \(5,\)"),
        (["Flatten()", "LSTM(3)"], (2, 3, 4), r"LSTM: an input of shape \(batch, time, features\)"),
        (["BatchNorm"], (5,), "BatchNorm: an input of shape"),
    ],
)
def test_a_layer_says_what_input_it_needs(layers, shape, message):
    model = Model()
    for layer in layers:
        model.add(layer)
    with pytest.raises(ShapeError, match=message):
        model(rustorch.zeros(shape))
