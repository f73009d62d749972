"""save_model and load_model: layers and weights come back; classes of one's own need an instance."""

import json

import pytest

import rustorch
from rustorch import SerializationError, nn, utils
from rustorch.testing import assert_close
from rustorch.utils import storing


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.rustorch"


def again(model, path):
    utils.save_model(model, path)
    state = rustorch.get_rng_state()
    found = utils.load_model(path)
    assert rustorch.get_rng_state() == state
    assert repr(found) == repr(model)
    assert_close(dict(found.state_dict()), dict(model.state_dict()), rtol=0, atol=0)
    return found


class Own(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.layer = nn.Linear(2, width)

    def forward(self, x):
        return self.layer(x)


MODULES = {
    "nested": lambda: nn.Sequential(
        nn.Linear(4, 8), nn.Sequential(nn.Flatten(), nn.Linear(8, 2, bias=False))
    ),
    "named": lambda: nn.ModuleDict({"a": nn.ModuleList([nn.Linear(1, 1)]), "b": nn.Identity()}),
    "double": lambda: nn.Sequential(nn.Linear(2, 3, dtype=rustorch.float64)),
    "bfloat16": lambda: nn.Linear(2, 3).to(rustorch.bfloat16),
    "conv": lambda: nn.Conv2d(2, 4, (3, 1), stride=2, padding=(1, 0), groups=2, padding_mode="zeros"),
    "pool": lambda: nn.Sequential(nn.MaxPool2d(2, stride=1), nn.AdaptiveAvgPool2d((None, 2))),
    "lstm": lambda: nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True),
    "gru": lambda: nn.GRU(3, 4, bias=False),
    "rnn": lambda: nn.RNN(3, 4, nonlinearity="relu"),
    "cell": lambda: nn.LSTMCell(3, 4, bias=False),
    "attention": lambda: nn.MultiheadAttention(8, 2, bias=False, batch_first=True),
    "norms": lambda: nn.Sequential(
        nn.BatchNorm2d(3), nn.LayerNorm((3, 4)), nn.GroupNorm(2, 4), nn.Dropout(0.3)
    ),
    "activations": lambda: nn.Sequential(
        nn.ReLU(), nn.GELU("tanh"), nn.Softmax(1), nn.PReLU(), nn.LeakyReLU(0.2)
    ),
    "transformer": lambda: nn.Transformer(8, 2, 1, 1, 16, batch_first=True),
    "encoder": lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 2, nn.LayerNorm(8)),
    "embedding": lambda: nn.Embedding(5, 3, padding_idx=0),
}


@pytest.mark.parametrize("name", MODULES)
def test_library_layers_come_back(name, path):
    again(MODULES[name](), path)


def test_modes_and_frozen_parameters_come_back(path):
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)).eval()
    model[0].weight.requires_grad = False
    found = again(model, path)
    assert not found.training
    assert [p.requires_grad for p in found.parameters()] == [False, True, True, True]


def test_lazy_layers_come_back_as_what_they_became(path):
    model = nn.Sequential(nn.LazyLinear(3))
    model(rustorch.ones(1, 5))
    assert again(model, path)[0].in_features == 5


def test_device(path):
    utils.save_model(nn.Linear(2, 2), path)
    assert utils.load_model(path, device="reference").weight.device.type == "reference"


def test_a_class_of_ones_own_needs_an_instance(path):
    model = Own()
    utils.save_model(model, path)
    with pytest.raises(
        SerializationError, match=r"holds the weights of .*Own .*no layer of rustorch\.nn"
    ) as caught:
        utils.load_model(path)
    assert "load_model(path, model=instance)" in str(caught.value)
    target = Own()
    assert utils.load_model(path, model=target) is target
    assert_close(target.layer.weight, model.layer.weight)
    with pytest.raises(SerializationError, match=r"do not fit: load_state_dict: .*\n.*layer\.weight"):
        utils.load_model(path, model=Own(4))


def test_shared_parts_need_an_instance(path):
    layer = nn.Linear(2, 2)
    utils.save_model(nn.Sequential(layer, layer), path)
    with pytest.raises(SerializationError, match="used in two places"):
        utils.load_model(path)


def test_a_changed_layer_is_not_described_wrongly(path):
    layer = nn.Linear(2, 2)
    layer.extra = nn.Linear(1, 1)
    utils.save_model(layer, path)
    with pytest.raises(SerializationError, match="differs from what Linear's arguments make"):
        utils.load_model(path)


def test_wrong_arguments(path):
    with pytest.raises(rustorch.ArgumentTypeError, match="save_model: a model is required, got dict"):
        utils.save_model({}, path)
    rustorch.save({"a": rustorch.ones(1)}, path)
    with pytest.raises(SerializationError, match="holds tensors, no model"):
        utils.load_model(path)
    utils.save_model(nn.Linear(1, 1), path)
    with pytest.raises(SerializationError, match="the file holds a model"):
        rustorch.load(path)


HOSTILE = [
    {"class": "os.system", "arguments": {"command": "true"}},
    {"class": "Module", "arguments": {}},
    {"class": "functional", "arguments": {}},
    {"class": "__builtins__", "arguments": {}},
    {"class": "init.uniform_", "arguments": {}},
    {"class": ["Linear"], "arguments": {}},
    {"class": "Linear", "arguments": {"nonsense": 1}},
    {"class": "Linear", "arguments": {"in_features": "a", "out_features": 1}},
    {"class": "Linear", "arguments": {"in_features": {"call": 1}, "out_features": 1}},
    {"class": "Linear"},
    {"class": "Sequential", "children": [["a.b", {"class": "Identity", "arguments": {}}]]},
    {"class": "Sequential", "children": [["forward", {"class": "Identity", "arguments": {}}]]},
    {"class": "Sequential", "children": 3},
    ["Linear"],
    3,
]


@pytest.mark.parametrize("description", HOSTILE, ids=json.dumps)
def test_hostile_descriptions_make_nothing(description, path):
    content = {"class": "x", "description": description, "reason": "", "state": {}, "training": True}
    storing.write_content("model", content, path)
    with pytest.raises(SerializationError, match="the description makes no model"):
        utils.load_model(path)


@pytest.mark.parametrize("content", [{}, None, {"state": 3, "description": None, "training": True}])
def test_content_of_another_kind(content, path):
    storing.write_content("model", content, path)
    with pytest.raises(SerializationError, match=r"the content of .* is not valid"):
        utils.load_model(path)


class TestKerasLike:
    def data(self):
        rustorch.manual_seed(0)
        x = rustorch.randn(64, 8)
        return x, (x.sum(1) > 0).to(rustorch.int64)

    def model(self):
        model = rustorch.Model("small")
        model.add("Dense(16, activation=relu)").add("Dropout(0.2)").add(nn.BatchNorm1d(16))
        model.add("Dense(2, activation=softmax)")
        model.compile(
            optimizer={"name": "adam", "lr": 0.01}, loss="categorical_crossentropy", metrics=["accuracy"]
        )
        return model

    def test_predictions_and_figures_are_the_same(self, path):
        x, y = self.data()
        model = self.model()
        model.fit((x, y), epochs=2, verbose=False)
        utils.save_model(model, path)
        found = utils.load_model(path)
        assert type(found) is rustorch.Model
        assert found.name == "small"
        assert_close(found.predict(x), model.predict(x), rtol=0, atol=0)
        assert found.evaluate((x, y)) == model.evaluate((x, y))

    def test_it_can_be_trained_further(self, path):
        x, y = self.data()
        model = self.model()
        model.fit((x, y), epochs=1, verbose=False)
        utils.save_model(model, path)
        found = utils.load_model(path)
        before = found.evaluate((x, y))["loss"]
        found.fit((x, y), epochs=10, verbose=False)
        assert found.evaluate((x, y))["loss"] < before

    def test_a_loss_of_ones_own_is_left_out(self, path):
        x, y = self.data()
        model = rustorch.Model().add("Dense(2)")
        model.compile(optimizer="sgd", loss=nn.functional.cross_entropy)
        model.fit((x, y), epochs=1, verbose=False)
        utils.save_model(model, path)
        found = utils.load_model(path)
        assert not found.compiled
        assert_close(found.predict(x), model.predict(x), rtol=0, atol=0)

    def test_before_it_is_built(self, path):
        with pytest.raises(
            SerializationError, match="the model is not built, so it has no weights"
        ) as caught:
            utils.save_model(self.model(), path)
        assert "build(input_shape)" in str(caught.value)

    def test_a_model_with_a_forward_of_its_own(self, path):
        class Two(rustorch.Model):
            def __init__(self):
                super().__init__()
                self.layer = nn.Linear(8, 2)

            def forward(self, x):
                return self.layer(x)

        model = Two()
        utils.save_model(model, path)
        with pytest.raises(SerializationError, match="it is a class of its own"):
            utils.load_model(path)
        found = utils.load_model(path, model=Two())
        assert_close(found.layer.weight, model.layer.weight)

    @pytest.mark.parametrize(
        "layers", [["os.system('true')"], ["Dense(__import__('os'))"], [3], None, [{"class": "Module"}]]
    )
    def test_hostile_layers(self, layers, path):
        description = {"name": "x", "layers": layers, "input": None, "compiled": None}
        content = {"class": "x", "description": description, "reason": "", "state": {}, "training": True}
        storing.write_content("model", content, path)
        with pytest.raises(SerializationError, match="the description makes no model"):
            utils.load_model(path)
