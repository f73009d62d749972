import copy
import io
import pickle

import numpy as np
import pytest

import rustorch
from rustorch import data, nn, optim
from rustorch.errors import ArgumentError, ArgumentTypeError, SerializationError, ShapeError
from rustorch.training import Callback, Model, ModelBuilder, TrainingError


@pytest.fixture(autouse=True)
def _seeded():
    rustorch.manual_seed(0)


def blobs(samples=120, classes=3):
    """Well separated clouds of points in the plane."""
    rng = np.random.default_rng(0)
    y = np.arange(samples) % classes
    centres = 4 * np.stack([np.cos(2 * np.pi * y / classes), np.sin(2 * np.pi * y / classes)], 1)
    return (centres + rng.normal(size=(samples, 2))).astype(np.float32), y


def classifier(head="softmax", **compiled):
    model = Model("blobs").add("Dense(16, activation=relu)").add(f"Dense(3, activation={head})")
    chosen = {
        "optimizer": "adam",
        "loss": "categorical_crossentropy",
        "metrics": ["accuracy"],
        "learning_rate": 0.05,
    }
    model.compile(**{**chosen, **compiled})
    return model


# -- learning ----------------------------------------------------------------------------------------


def test_it_learns_separable_data():
    x, y = blobs()
    model = classifier()
    history = model.fit((x, y), epochs=15, verbose=False)
    assert history is model.history
    assert history.train_loss()[-1] < 0.2 < history.train_loss()[0]
    assert model.evaluate((x, y))["accuracy"] >= 0.95
    assert history.metrics()["accuracy"][-1] >= 0.95


def test_it_learns_a_line():
    x = np.linspace(-1, 1, 50, dtype=np.float32)[:, None]
    model = Model().add("Dense(1)")
    model.compile(optimizer={"name": "sgd", "lr": 0.3}, loss="mse", metrics=["mae"])
    model.fit((x, 2 * x + 1), epochs=60, verbose=False)
    weight, bias = (p.item() for p in model.parameters())
    assert (weight, bias) == (pytest.approx(2, abs=1e-2), pytest.approx(1, abs=1e-2))


def test_sparse_and_one_hot_targets_train_alike():
    x, y = blobs()
    losses = []
    for target in (y, np.eye(3, dtype=np.float32)[y]):
        rustorch.manual_seed(3)
        losses.append(classifier().fit((x, target), epochs=3, verbose=False).train_loss())
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_softmax_and_logits_train_alike():
    x, y = blobs()
    losses = []
    for head, loss in (
        ("softmax", "categorical_crossentropy"),
        ("linear", "cross_entropy"),
        ("softmax", "cross_entropy"),
    ):
        rustorch.manual_seed(3)
        losses.append(classifier(head, loss=loss).fit((x, y), epochs=3, verbose=False).train_loss())
    assert losses[0] == losses[1] == losses[2]


@pytest.mark.parametrize(
    ("head", "loss"), [("sigmoid", "binary_crossentropy"), ("linear", "bce_with_logits")]
)
def test_binary_classification(head, loss):
    x, y = blobs(classes=2)
    model = Model().add("Dense(8, activation=tanh)").add(f"Dense(1, activation={head})")
    model.compile("adam", loss, ["accuracy", "f1"], learning_rate=0.05)
    model.fit((x, y[:, None]), epochs=10, verbose=False)
    found = model.evaluate((x, y[:, None]))
    assert found["accuracy"] >= 0.95
    assert found["f1"] >= 0.95


def test_convolutions_and_recurrence_train():
    rng = np.random.default_rng(0)
    y = np.arange(32) % 2
    pictures = rng.normal(size=(32, 1, 8, 8)).astype(np.float32) + y[:, None, None, None]
    model = Model()
    for layer in (
        "Conv2D(4, 3, activation=relu)",
        "BatchNorm()",
        "MaxPool2D(2)",
        "Flatten()",
        "Dense(2, softmax)",
    ):
        model.add(layer)
    model.compile("adam", "categorical_crossentropy", learning_rate=0.01)
    losses = model.fit((pictures, y), epochs=8, verbose=False).train_loss()
    assert losses[-1] < losses[0] / 2
    words = (np.arange(32 * 5).reshape(32, 5) * 7) % 10
    model = Model().add("Embedding(10, 8)").add("LSTM(8)").add("Dense(2, activation=softmax)")
    model.compile("adam", "categorical_crossentropy", learning_rate=0.05)
    losses = model.fit((words, y), epochs=8, verbose=False).train_loss()
    assert losses[-1] < losses[0]


# -- the numbers -------------------------------------------------------------------------------------


def test_epoch_loss_is_the_mean_over_samples():
    x = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]], np.float32)
    y = np.array([[0.0], [1.0], [0.0], [10.0], [2.0]], np.float32)
    model = Model().add("Dense(1)")
    model.compile(optimizer={"name": "sgd", "lr": 0.0}, loss="mse", metrics=["mse", "mae"])
    history = model.fit((x, y), epochs=1, batch_size=2, verbose=False)  # batches of 2, 2 and 1
    error = (model.predict(x).to_numpy() - y).astype(np.float64)
    assert history.train_loss()[0] == pytest.approx((error**2).mean(), rel=1e-6)
    assert history.metrics()["mse"][0] == pytest.approx((error**2).mean(), rel=1e-6)
    found = model.evaluate((x, y), batch_size=3)
    assert found == pytest.approx(
        {"loss": (error**2).mean(), "mse": (error**2).mean(), "mae": np.abs(error).mean()}
    )


def test_fit_is_the_loop_that_one_would_write():
    x, y = blobs()
    tx, ty = rustorch.tensor(x), rustorch.tensor(y)
    model = classifier(optimizer="sgd", learning_rate=0.1)
    model.build((None, 2))
    by_hand = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 3))
    by_hand.load_state_dict(dict(zip(by_hand.state_dict(), model.state_dict().values(), strict=True)))
    loader = data.DataLoader(data.TensorDataset(tx, ty), batch_size=50)
    history = model.fit(loader, epochs=3, verbose=False)
    optimizer = optim.SGD(by_hand.parameters(), lr=0.1)
    expected = []
    for _ in range(3):
        total = 0.0
        for bx, by in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(by_hand(bx), by)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(bx)
        expected.append(total / len(tx))
    assert history.train_loss() == expected
    for mine, theirs in zip(model.parameters(), by_hand.parameters(), strict=True):
        assert bool((mine == theirs).all())


def test_a_seed_gives_the_same_run():
    x, y = blobs()
    runs = []
    for _ in range(2):
        rustorch.manual_seed(5)
        model = Model().add("Dense(8, relu)").add("Dropout(0.3)").add("Dense(3, softmax)")
        model.compile("adam", "categorical_crossentropy")
        runs.append(model.fit((x, y), epochs=3, verbose=False).train_loss())
    assert runs[0] == runs[1]


# -- forms of data -----------------------------------------------------------------------------------


def test_every_form_of_data_gives_the_same_losses():
    x, y = blobs(40)
    dataset = data.TensorDataset(rustorch.tensor(x), rustorch.tensor(y))
    loader = data.DataLoader(dataset, batch_size=8)
    forms = [
        (x, y),
        [x, y],
        (rustorch.tensor(x), rustorch.tensor(y)),
        dataset,
        loader,
        list(loader),
        (x.astype(float), y),
    ]
    losses = []
    for form in forms:
        rustorch.manual_seed(1)
        model = classifier().build((None, 2))  # a loader draws its own numbers before the first batch
        losses.append(model.fit(form, epochs=2, batch_size=8, shuffle=False, verbose=False).train_loss())
    assert all(found == losses[0] for found in losses)


def test_several_inputs():
    class Sum(Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 1), nn.Linear(3, 1)

        def forward(self, a, b):
            return self.a(a) + self.b(b)

    model = Sum()
    model.compile("adam", "mse")
    a, b, y = rustorch.randn((10, 2)), rustorch.randn((10, 3)), rustorch.randn((10, 1))
    model.fit((a, b, y), epochs=1, verbose=False)
    model.fit([((a, b), y)], epochs=1, verbose=False)
    assert [tuple(p.shape) for p in model.predict([((a, b), y)])] == [(10, 1)]
    assert set(model.evaluate((a, b, y))) == {"loss"}


def test_validation_data_and_split():
    x, y = blobs(50)
    history = classifier().fit((x, y), validation_data=(x, y), epochs=2, verbose=False)
    assert len(history.val_loss()) == 2
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    seen = []
    model = classifier(metrics=[lambda p, _t: seen.append(len(p)) or 0.0])
    model.fit((x, y), validation_split=0.2, epochs=1, batch_size=40, verbose=False)
    assert seen == [40, 10]
    dataset = data.TensorDataset(rustorch.tensor(x), rustorch.tensor(y))
    assert len(classifier().fit(dataset, validation_split=0.2, epochs=1, verbose=False).val_loss()) == 1


@pytest.mark.parametrize(
    ("given", "options", "error", "message"),
    [
        ((np.zeros((4, 2)), np.zeros(3, int)), {}, ShapeError, r"same number of samples, got \[4, 3\]"),
        (np.zeros((4, 2)), {}, ArgumentTypeError, r"must be \(inputs, target\), got inputs alone"),
        (3, {}, ArgumentTypeError, "data must be a DataLoader, .* got int"),
        ("abc", {}, ArgumentTypeError, "got str"),
        ((i for i in ()), {}, ArgumentTypeError, "generator can be read only once"),
        ([], {}, TrainingError, "the training data has no batches"),
        ((np.zeros((0, 2)), np.zeros(0, int)), {}, TrainingError, "the training data has no batches"),
        ([{"x": 1}], {}, ArgumentTypeError, r"a batch must be \(inputs, target\), got dict"),
        ([(np.zeros((4, 2)), "y")], {}, ArgumentTypeError, "a batch must consist of tensors, got str"),
        (
            (np.zeros((4, 2)), np.zeros(4, int)),
            {"epochs": 0},
            ArgumentError,
            "epochs must be an integer of at least 1",
        ),
        ((np.zeros((4, 2)), np.zeros(4, int)), {"batch_size": 0}, ArgumentError, "batch_size must be"),
        (
            (np.zeros((4, 2)), np.zeros(4, int)),
            {"initial_epoch": 10},
            ArgumentError,
            "epochs must be above initial_epoch",
        ),
        (
            (np.zeros((4, 2)), np.zeros(4, int)),
            {"validation_split": 1.5},
            ArgumentError,
            "validation_split must be",
        ),
        ((np.zeros((4, 2)), np.zeros(4, int)), {"validation_split": 0.1}, None, ""),
        ([], {"validation_split": 0.1}, ArgumentTypeError, "validation_split needs arrays"),
        (
            (np.zeros((4, 2)), np.zeros(4, int)),
            {"callbacks": [3]},
            ArgumentTypeError,
            "a Callback is required, got 3",
        ),
        (
            (np.zeros((4, 2)), np.zeros(4, int)),
            {"callbacks": [Callback]},
            ArgumentTypeError,
            "create an instance",
        ),
    ],
)
def test_data_and_options_that_do_not_fit(given, options, error, message):
    model = classifier()
    if error is None:
        model.fit(given, verbose=False, **{"epochs": 1, **options})
        return
    with pytest.raises(error, match=message):
        model.fit(given, verbose=False, **options)


def test_target_that_would_broadcast_is_refused():
    model = Model().add("Dense(1)")
    model.compile()
    with pytest.raises(ShapeError, match=r"mse: .* got \(8, 1\) and \(8,\)\n.*target.reshape\(\(8, 1\)\)"):
        model.fit((np.zeros((8, 2)), np.zeros(8)), verbose=False)


# -- compile -----------------------------------------------------------------------------------------


def test_compile_comes_first():
    model = Model().add("Dense(1)")
    pair = (np.zeros((4, 2)), np.zeros((4, 1)))
    for action in (lambda: model.fit(pair), lambda: model.evaluate(pair), model.training_state):
        with pytest.raises(TrainingError, match="Model must be compiled before training") as caught:
            action()
        assert isinstance(caught.value, RuntimeError)
        assert isinstance(caught.value, rustorch.RusTorchError)


@pytest.mark.parametrize(
    ("optimizer", "kind", "rate"),
    [
        ("sgd", "SGD", 0.01),
        ("Adam", "Adam", 0.001),
        ("adamw", "AdamW", 0.001),
        ("rmsprop", "RMSprop", 0.001),
        ("adagrad", "Adagrad", 0.01),
        ({"name": "sgd", "lr": 0.5, "momentum": 0.9}, "SGD", 0.5),
        ({"type": "adam", "learning_rate": 0.2}, "Adam", 0.2),
        (optim.AdamW, "AdamW", 0.001),
        (lambda params: optim.SGD(params, lr=0.7), "SGD", 0.7),
    ],
)
def test_optimizers_in_every_form(optimizer, kind, rate):
    model = Model().add("Dense(1)").build((None, 2))
    model.compile(optimizer)
    assert type(model.optimizer).__name__ == kind
    assert model.optimizer.param_groups[0]["lr"] == rate
    model.compile(optimizer, learning_rate=0.125)
    assert model.optimizer.param_groups[0]["lr"] == 0.125


def test_optimizer_instances():
    model = Model().add(nn.Linear(2, 1))
    mine = optim.SGD(model.parameters(), lr=0.1)
    model.compile(mine, "mse", learning_rate=0.2)
    assert model.optimizer is mine
    assert mine.param_groups[0]["lr"] == 0.2
    with pytest.raises(TrainingError, match="the optimizer holds none of the model's parameters"):
        model.compile(optim.SGD(nn.Linear(2, 1).parameters(), lr=0.1))


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"optimizer": "adm"}, ArgumentError, r"no optimizer 'adm'; did you mean adam\?"),
        ({"optimizer": {"lr": 1}}, ArgumentError, "an optimizer dict needs a name"),
        (
            {"optimizer": {"name": "sgd", "momentm": 1}},
            ArgumentError,
            r"no option 'momentm'; did you mean momentum\?",
        ),
        ({"optimizer": 3}, ArgumentTypeError, "must be a name, a dict, an Optimizer or its class, got int"),
        ({"loss": "msee"}, ArgumentError, r"no loss 'msee'; did you mean mse\?"),
        ({"loss": 3}, ArgumentTypeError, "loss must be a name or a function, got int"),
        ({"metrics": ["acuracy"]}, ArgumentError, "did you mean accuracy"),
        ({"metrics": 3}, ArgumentTypeError, "metric: a name, a Metric or a function is required, got int"),
        (
            {"learning_rate": -1},
            ArgumentError,
            "learning_rate: a finite number of at least 0 is required, got -1",
        ),
        ({"learning_rate": "0.1"}, ArgumentError, "learning_rate"),
    ],
)
def test_compile_explains(given, error, message):
    with pytest.raises(error, match=message):
        Model().add("Dense(1)").build((None, 2)).compile(**given)


def test_a_model_without_parameters_cannot_train():
    model = Model().add("Flatten()")
    model.compile()
    with pytest.raises(TrainingError, match="no parameters that require grad"):
        model.fit((np.zeros((2, 3)), np.zeros((2, 3))), verbose=False)
    with pytest.raises(TrainingError, match="there are no layers"):
        Model()(rustorch.zeros(2))


# -- modes and interruptions -------------------------------------------------------------------------


def test_modes_are_restored_and_evaluation_is_pure():
    x, y = blobs(20)
    model = Model().add("Dense(8)").add("BatchNorm()").add("Dropout(0.5)").add("Dense(3, softmax)")
    model.compile("adam", "categorical_crossentropy")
    model.fit((x, y), epochs=1, verbose=False)
    model.eval()
    model.dense_1.train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    state = rustorch.get_rng_state()
    first, second = model.evaluate((x, y)), model.evaluate((x, y))
    model.predict(x)
    assert first == second
    assert rustorch.get_rng_state() == state
    assert all(bool((before[key] == value).all()) for key, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert (model.training, model.dense_1.training, model.dropout_1.training) == (False, True, False)
    model.fit((x, y), epochs=1, verbose=False)
    assert (model.training, model.dense_1.training, model.dropout_1.training) == (False, True, False)


def test_forward_runs_in_the_right_mode():
    seen = []

    class Spy(nn.Module):
        def forward(self, x):
            seen.append((self.training, rustorch.is_grad_enabled()))
            return x

    model = Model().add("Dense(1)").add(Spy())
    model.compile()
    pair = (np.zeros((4, 2)), np.zeros((4, 1)))
    model.fit(pair, validation_data=pair, epochs=1, verbose=False)
    model.evaluate(pair)
    model.predict(pair[0])
    assert seen == [(False, False), (True, True), (False, False), (False, False), (False, False)]


def test_an_interruption_keeps_the_history_and_the_modes():
    class Stop(Callback):
        ended = False

        def on_batch_end(self, batch, _logs):
            if len(self.model.history) == 2 and batch == 1:
                raise KeyboardInterrupt

        def on_train_end(self, _logs):
            self.ended = True

    x, y = blobs(40)
    model, stop = classifier(), Stop()
    model.eval()
    with pytest.raises(KeyboardInterrupt):
        model.fit((x, y), epochs=9, batch_size=8, callbacks=stop, verbose=False)
    assert len(model.history) == 2
    assert stop.ended
    assert not model.training
    assert rustorch.is_grad_enabled()
    assert len(model.fit((x, y), epochs=1, verbose=False)) == 1


# -- predict, progress, summary ----------------------------------------------------------------------


def test_predict():
    x, y = blobs(20)
    model = classifier()
    whole = model.predict(x, batch_size=8)  # needs neither fit nor compile
    assert tuple(whole.shape) == (20, 3)
    assert not whole.requires_grad
    loader = data.DataLoader(data.TensorDataset(rustorch.tensor(x), rustorch.tensor(y)), batch_size=8)
    batches = model.predict(loader)
    assert [tuple(b.shape) for b in batches] == [(8, 3), (8, 3), (4, 3)]
    assert bool((rustorch.cat(batches) == whole).all())
    assert model.predict(rustorch.tensor(x)).to_numpy() == pytest.approx(whole.to_numpy(), abs=1e-6)
    assert whole.sum(-1).to_numpy() == pytest.approx(np.ones(20), abs=1e-6)
    with pytest.raises((ArgumentError, TrainingError)):
        model.predict(x[:0])


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress(monkeypatch, capsys):
    x, y = blobs(40)
    classifier().fit((x, y), epochs=3, verbose=False)
    assert capsys.readouterr() == ("", "")
    classifier().fit((x, y), validation_data=(x, y), epochs=3)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" - ")[0] for line in lines] == ["Epoch 1/3", "Epoch 2/3", "Epoch 3/3"]
    assert all(name in lines[0] for name in (" loss=", " accuracy=", " val_loss=", " val_accuracy="))
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    classifier().fit((x, y), epochs=2)
    text = terminal.getvalue()
    assert "Epoch 2/2: 100%" in text
    assert "2/2 [" in text
    assert "accuracy=" in text


def test_summary():
    model = classifier()
    assert "Not built yet" in model.summary()
    model.build((None, 2))
    lines = [line.rstrip() for line in model.summary().splitlines()]
    assert lines[0] == "Model 'blobs'"
    assert lines[4].split() == ["dense_1:", "Dense(16,", "activation=relu)", "(N,", "16)", "48"]
    assert lines[5].split() == ["dense_2:", "Dense(3,", "activation=softmax)", "(N,", "3)", "51"]
    assert lines[-3:] == ["Parameters: 99 (396 B)", "Trainable:  99", "Fixed:      0"]


def test_summary_prints_nothing(capsys):
    classifier().build((None, 2)).summary()
    assert capsys.readouterr().out == ""


# -- building ----------------------------------------------------------------------------------------


def test_lazy_modules_and_subclasses_are_built_by_the_first_batch():
    class Net(Model):
        def __init__(self):
            super().__init__("net")
            self.hidden = nn.LazyLinear(8)
            self.out = nn.Linear(8, 1)

        def forward(self, x):
            return self.out(self.hidden(x).relu())

    model = Net()
    model.compile("adam", "mse")
    assert not model.built
    assert "?" in model.summary()
    model.fit((np.zeros((4, 3)), np.zeros((4, 1))), epochs=1, verbose=False)
    assert model.built
    assert len(model.optimizer.param_groups[0]["params"]) == 4
    assert "hidden (" in model.summary()


def test_a_failed_first_batch_leaves_no_traces():
    model = Model().add("Dense(4)").add("LSTM(2)").add(nn.Linear(2, 1))
    with pytest.raises(ShapeError, match="LSTM: an input of shape"):
        model(rustorch.zeros((2, 3)))
    assert [name for name, _ in model.named_parameters()] == ["linear_1.weight", "linear_1.bias"]
    assert tuple(model(rustorch.zeros((2, 5, 7))).shape) == (2, 1)
    assert [name for name, _ in model.named_children()] == [
        "dense_1",
        "lstm_1",
        "lstm_1_laststate",
        "linear_1",
    ]


def test_adding_after_training_builds_the_rest():
    model = Model().add("Dense(4)")
    model.compile("adam", "mse")
    pair = (np.zeros((4, 2)), np.zeros((4, 4)))
    model.fit(pair, epochs=1, verbose=False)
    model.add("Dense(4)")
    model.fit(pair, epochs=1, verbose=False)
    assert len(model.optimizer.param_groups[0]["params"]) == 4


def test_device_and_dtype_are_remembered_until_built():
    model = Model().add("Dense(2)").double()
    model.compile()
    model.fit((np.zeros((4, 2)), np.zeros((4, 2))), epochs=1, verbose=False)
    assert {p.dtype for p in model.parameters()} == {rustorch.float64}
    other = Model().add("Dense(2)").to("reference")
    other.compile()
    other.fit((np.zeros((4, 2)), np.zeros((4, 2))), epochs=1, verbose=False)
    assert {str(p.device) for p in other.parameters()} == {"reference:0"}


def test_loading_into_an_unbuilt_model_explains():
    with pytest.raises(TrainingError, match=r"not built.*\n.*model.build\(input_shape\)"):
        Model().add("Dense(1)").load_state_dict({})


def test_config_gives_the_same_model():
    model = classifier()
    model.build((None, 2))
    other = Model.from_config(model.get_config())
    other.load_state_dict(model.state_dict())
    x, _ = blobs(10)
    assert bool((other.predict(x) == model.predict(x)).all())
    assert other.name == "blobs"
    words = Model().add("Embedding(5, 3)").build((None, 4), "int64")
    assert Model.from_config(words.get_config()).built
    with pytest.raises(SerializationError, match="layer 'linear_1' was added as a module"):
        Model().add(nn.Linear(1, 1)).get_config()
    for bad in ({}, None, {"format": 1, "layers": [3]}, {"format": 2, "layers": []}):
        with pytest.raises(SerializationError, match=r"Model\.from_config"):
            Model.from_config(bad)


def test_copies_and_pickles():
    x, y = blobs(20)
    model = classifier()
    model.fit((x, y), epochs=1, verbose=False)
    expected = model.predict(x)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert bool((other.predict(x) == expected).all())
        other.fit((x, y), epochs=1, verbose=False)
    assert bool((model.predict(x) == expected).all())


def test_builder():
    model = ModelBuilder().conv2d(4, 3).add("Flatten()").dense(3).dropout(0.1).build("built")
    assert model.name == "built"
    assert model.layer_texts()[0] == "Conv2D(4, 3, activation=relu)"
    assert tuple(model(rustorch.zeros((2, 1, 6, 6))).shape) == (2, 3)
    with pytest.raises(ArgumentError, match="units must be"):
        ModelBuilder().dense(0)


def test_names():
    assert Model().name == "Model"
    assert rustorch.Model is Model
    with pytest.raises(ArgumentError, match=r"the name must be a string, got \['Dense"):
        Model(["Dense(1)"])
