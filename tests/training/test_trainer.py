import math

import numpy as np
import pytest

import rustorch
from rustorch import data, nn, optim
from rustorch.errors import ArgumentError, ArgumentTypeError, SerializationError
from rustorch.training import EarlyStopping, Model, Trainer, TrainerConfig, TrainingError

X = np.linspace(-1, 1, 24, dtype=np.float32)[:, None]
PAIR = (X, 2 * X)


@pytest.fixture(autouse=True)
def _seeded():
    rustorch.manual_seed(0)


def trainer(**options):
    return Trainer(TrainerConfig(**{"epochs": 3, **options}), verbose=False)


def model_of(optimizer="sgd", **options):
    model = Model().add("Dense(1)")
    model.compile(optimizer, "mse", **options)
    return model


def test_defaults_and_spellings():
    config = TrainerConfig()
    assert vars(config) == {
        "epochs": 10, "learning_rate": None, "batch_size": None, "log_frequency": 10,
        "validation_frequency": 1,
        "gradient_clip_value": None, "device": None, "use_mixed_precision": False, "accumulation_steps": 1,
    }  # fmt: skip
    assert (config.epochs(), config.use_mixed_precision()) == (10, False)
    config.set_epochs(3)
    config.set_device("reference")
    assert (config.epochs, str(config.device), config.device()) == (3, "reference:0", "reference:0")
    assert repr(config).startswith("TrainerConfig(epochs=3, learning_rate=None")


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 0}, {"epochs": 1.5}, {"epochs": True}, {"learning_rate": 0}, {"learning_rate": -1.0},
        {"learning_rate": "a"},
        {"batch_size": 0}, {"log_frequency": 0}, {"validation_frequency": 0}, {"gradient_clip_value": 0},
        {"accumulation_steps": 0}, {"use_mixed_precision": True}, {"learning_rate": float("nan")},
    ],
)  # fmt: skip
def test_wrong_values(options):
    with pytest.raises(ArgumentError, match=f"TrainerConfig: {next(iter(options))}"):
        TrainerConfig(**options)


def test_learning_rate_overrides_the_optimizers():
    model = model_of()
    trainer(learning_rate=0.25).train(model, PAIR)
    assert model.optimizer.param_groups[0]["lr"] == 0.25


def test_validation_frequency():
    history = trainer(epochs=7, validation_frequency=3).train(model_of(), PAIR, PAIR)
    assert len(history.val_loss()) == 3
    _, _, val = history.plot_data()
    assert [i + 1 for i, v in enumerate(val) if not math.isnan(v)] == [3, 6, 7]
    stopping = EarlyStopping(patience=1)
    trainer(epochs=9, validation_frequency=2).train(model_of(), PAIR, PAIR, callbacks=[stopping])


def test_batch_size():
    seen = []
    model = model_of(metrics=[lambda p, _t: seen.append(len(p)) or 0.0])
    trainer(epochs=1, batch_size=10).train(model, PAIR)
    assert seen == [10, 10, 4]
    loader = data.DataLoader(data.TensorDataset(*map(rustorch.tensor, PAIR)), batch_size=8)
    trainer(batch_size=8).train(model, loader)
    with pytest.raises(ArgumentError, match="TrainerConfig has batch_size=10, the DataLoader 8"):
        trainer(batch_size=10).train(model, loader)


def test_clipping_limits_every_gradient():
    model = model_of(learning_rate=1.0).build((None, 1))
    before = [p.item() for p in model.parameters()]
    trainer(epochs=1, batch_size=24, gradient_clip_value=1e-3).train(model, (X, 1000 + X))
    after = [p.item() for p in model.parameters()]
    assert [abs(a - b) for a, b in zip(after, before, strict=True)] == pytest.approx([1e-3, 1e-3], rel=1e-2)


@pytest.mark.parametrize("size", [6, 5])  # with 5 the last batch and the last group are smaller
def test_accumulation_is_one_large_batch(size):
    runs = []
    for batch_size, steps in ((size * 2, 1), (size, 2)):
        rustorch.manual_seed(1)
        model = model_of(learning_rate=0.1).double().build((None, 1), "float64")
        loader = data.DataLoader(
            data.TensorDataset(*(rustorch.tensor(a).double() for a in PAIR)), batch_size=batch_size
        )
        history = trainer(accumulation_steps=steps).train(model, loader)
        runs.append([p.item() for p in model.parameters()])
        assert len(history) == 3
    assert runs[0] == pytest.approx(runs[1], rel=1e-12)


def test_device():
    model = model_of()
    trainer(device="reference").train(model, PAIR)
    assert {str(p.device) for p in model.parameters()} == {"reference:0"}


def test_log_frequency_does_not_change_the_result():
    histories = []
    for frequency in (1, 100):
        rustorch.manual_seed(2)
        histories.append(trainer(log_frequency=frequency, batch_size=4).train(model_of(), PAIR).history)
    assert histories[0] == histories[1]


def test_plain_modules():
    net = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))
    made = trainer(epochs=40)
    history = made.train(
        net, PAIR, PAIR, optimizer=optim.Adam(net.parameters(), lr=0.05), loss=nn.MSELoss(), metrics=["mae"]
    )
    assert history.val_loss()[-1] < history.val_loss()[0] / 10
    assert set(made.evaluate(net, PAIR)) == {"loss", "mae"}
    assert made.evaluate(net, PAIR, loss="mae")["loss"] == pytest.approx(made.evaluate(net, PAIR)["mae"])
    lazy = nn.Sequential(nn.LazyLinear(1))
    trainer().train(lazy, PAIR, optimizer="adam", loss="mse")


def test_what_is_missing_is_said():
    net = nn.Linear(1, 1)
    with pytest.raises(TrainingError, match="Linear needs an optimizer and a loss"):
        trainer().train(net, PAIR)
    with pytest.raises(TrainingError, match="a loss is needed"):
        trainer().evaluate(net, PAIR)
    with pytest.raises(TrainingError, match="Model must be compiled before training"):
        trainer().train(Model().add("Dense(1)"), PAIR)
    with pytest.raises(ArgumentError, match="the model is compiled"):
        trainer().train(model_of(), PAIR, loss="mse")
    with pytest.raises(ArgumentTypeError, match=r"a Model or nn\.Module is required, got int"):
        trainer().train(3, PAIR)
    with pytest.raises(ArgumentTypeError, match="a TrainerConfig is required, got dict"):
        Trainer({"epochs": 3})


# -- resuming ----------------------------------------------------------------------------------------


def dropout_model():
    rustorch.manual_seed(7)
    model = Model().add("Dense(8, activation=relu)").add("Dropout(0.4)").add("BatchNorm()").add("Dense(1)")
    model.compile("adam", "mse", learning_rate=0.01)
    return model


def same(a, b):
    return all(
        x.to_numpy().tobytes() == y.to_numpy().tobytes() for x, y in zip(a.values(), b.values(), strict=True)
    )


def through_a_file(state, tmp_path):
    rustorch.save(state, tmp_path / "state")
    return rustorch.load(tmp_path / "state")


def test_fit_goes_on_with_the_same_bits(tmp_path):
    whole = dropout_model()
    expected = whole.fit(PAIR, PAIR, epochs=6, batch_size=5, verbose=False)
    first = dropout_model()
    first.fit(PAIR, PAIR, epochs=2, batch_size=5, verbose=False)
    state = through_a_file(first.training_state(), tmp_path)
    first.fit(PAIR, epochs=1, verbose=False)  # must not change the state
    rustorch.manual_seed(99)
    second = Model().add("Dense(8, activation=relu)").add("Dropout(0.4)").add("BatchNorm()").add("Dense(1)")
    second.compile("adam", "mse")
    done = second.load_training_state(state)
    assert done == 2
    history = second.fit(PAIR, PAIR, epochs=6, batch_size=5, verbose=False, initial_epoch=done)
    assert history.history == expected.history
    assert history.epochs() == [1, 2, 3, 4, 5, 6]
    assert same(second.state_dict(), whole.state_dict())


def test_trainer_goes_on_with_the_same_bits(tmp_path):
    stopping = [EarlyStopping(patience=3) for _ in range(3)]
    whole = dropout_model()
    expected = trainer(epochs=5, batch_size=5).train(whole, PAIR, PAIR, callbacks=[stopping[0]])
    model, begun = dropout_model(), trainer(epochs=2, batch_size=5)
    begun.train(model, PAIR, PAIR, callbacks=[stopping[1]])
    state = through_a_file(begun.state_dict(), tmp_path)
    resumed, fresh = trainer(epochs=5, batch_size=5), dropout_model()
    resumed.load_state_dict(state)
    history = resumed.train(fresh, PAIR, PAIR, callbacks=[stopping[2]])
    assert history.history == expected.history
    assert same(fresh.state_dict(), whole.state_dict())
    assert stopping[2].state_dict() == stopping[0].state_dict()


def test_wrong_states():
    model = model_of()
    with pytest.raises(SerializationError, match=r"expected what training_state\(\) returned"):
        model.load_training_state({"model": {}})
    with pytest.raises(TrainingError, match="nothing was trained yet"):
        trainer().state_dict()
    with pytest.raises(TrainingError, match="not built yet"):
        model.training_state()
    model.fit(PAIR, epochs=2, verbose=False)
    state = model.training_state()
    with pytest.raises(SerializationError, match=r"taken with 0 callbacks, got 1"):
        model.load_training_state(state, callbacks=[EarlyStopping()])
    done = trainer(epochs=2)
    done.load_state_dict(state)
    with pytest.raises(TrainingError, match="all 2 epochs are done"):
        done.train(model, PAIR)
