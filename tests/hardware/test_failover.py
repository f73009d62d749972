"""A run that loses its device goes on elsewhere with the losses of a run that lost nothing."""

import gc
import random
import warnings

import numpy as np
import pytest

import rustorch
from rustorch import nn, optim
from rustorch.training import Callback, EarlyStopping, LearningRateScheduler, Trainer, TrainerConfig

CLASSES = np.arange(27) % 3
POINTS = (np.random.default_rng(0).normal(size=(27, 5)) + 2 * np.eye(3, 5)[CLASSES]).astype(np.float32)


class Log(Callback):
    """Writes down every event."""

    def __init__(self):
        self.events = []

    def on_batch_begin(self, batch, logs):
        self.events.append(("begin", batch))

    def on_batch_end(self, batch, logs):
        self.events.append(("end", batch, round(logs["loss"], 5), round(logs["accuracy"], 5)))

    def on_epoch_end(self, epoch, logs):
        self.events.append(("epoch", epoch, round(logs["val_loss"], 5)))


def make_model(device):
    with rustorch.device("reference"):
        model = rustorch.Model()
        for layer in (
            "Dense(8, bias=false)",
            "BatchNorm()",
            "Activation(relu)",
            "Dropout(0.3)",
            "Dense(3, activation=softmax)",
        ):
            model.add(layer)
        model.compile("adam", "sparse_categorical_crossentropy", ["accuracy", "f1"], learning_rate=0.02)
        model.build((None, 5))
    model.to(device)
    return model


def run(device, fallback, *, fail_at=None, every=4, accumulate=1, data=(POINTS, CLASSES), epochs=2):
    """Train; return everything that two runs are compared by, and the trainer."""
    rustorch.manual_seed(7)
    model = make_model(device.name)
    log = Log()
    callbacks = [
        log,
        LearningRateScheduler(optim.lr_scheduler.StepLR, per_batch=True, step_size=3, gamma=0.7),
        EarlyStopping(patience=9, restore_best_weights=True),
    ]
    trainer = Trainer(
        TrainerConfig(epochs=epochs, batch_size=4, accumulation_steps=accumulate, log_frequency=1),
        verbose=False, fallback=fallback, snapshot_every=every,
    )  # fmt: skip
    device.watch.calls.clear()
    device.watch.number = 0
    if fail_at is not None:
        device.watch.arm(fail_at, rustorch.DeviceLostError, forever=True)
    with (
        warnings.catch_warnings(record=True) as caught,
        rustorch.device(device.name),
    ):  # what makes tensors without saying where would ask the lost device
        warnings.simplefilter("always")
        history = trainer.train(model, data, data, callbacks=callbacks)
    weights = [x.to_numpy().copy() for x in (*model.parameters(), *model.buffers())]
    slots = [
        v.to_numpy().copy() for s in model.optimizer.state.values() for v in s.values() if hasattr(v, "shape")
    ]
    steps = [s["step"] for s in model.optimizer.state.values()]
    rates = [group["lr"] for group in model.optimizer.param_groups]
    facts = (history.history, log.events, steps, rates, rustorch.get_rng_state())
    return facts, weights + slots, trainer, history, model, caught


def assert_same(found, expected):
    (facts, arrays, *_), (known, known_arrays, *_) = found, expected
    assert facts == known
    assert len(arrays) == len(known_arrays)
    for a, b in zip(arrays, known_arrays, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("every", "accumulate", "tries"), [(4, 1, 8), (1, 1, 4), (5, 3, 5), (100, 2, 4)])
def test_a_loss_at_any_call_changes_nothing(make_device, every, accumulate, tries):
    """Lose the device for good at calls spread over the whole run; the fallback computes the same bits."""
    stays = make_device("stays")
    expected = run(stays, "reference", every=every, accumulate=accumulate)
    total = stays.watch.number
    assert not expected[3].fallbacks()
    draw = random.Random(every)
    calls = sorted({draw.randrange(1, total) for _ in range(tries)})
    saved = 0
    for number in calls:
        device = make_device(f"lost-{every}-{number}")
        try:
            found = run(device, "reference", fail_at=number, every=every, accumulate=accumulate)
        except rustorch.DeviceLostError:
            assert device.watch.calls.total() < 60, number  # before the first snapshot was complete
            continue
        assert_same(found, expected)
        assert len(found[3].fallbacks()) == 1
        assert all(str(x.device) == "reference:0" for x in found[4].parameters())
        saved += 1
    assert saved >= len(calls) - 1


def test_another_backend_goes_on_to_rounding(make_device):
    stays, lost = make_device("stays"), make_device("lost")
    expected = run(stays, "cpu")[0][0]
    found = run(lost, "cpu", fail_at=stays.watch.number // 2)
    for name, values in found[0][0].items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-4)


def test_the_loss_is_announced_once_and_recorded(make_device):
    stays, lost = make_device("stays"), make_device("lost")
    run(stays, "reference", every=100)
    in_the_second_epoch = stays.watch.number * 7 // 10
    *_, history, _model, caught = run(lost, "reference", fail_at=in_the_second_epoch, every=100)
    warned = [w for w in caught if issubclass(w.category, RuntimeWarning)]
    assert len(warned) == 1
    text = str(warned[0].message)
    assert text.startswith("train: device lost:0 was lost (injected at call ")
    assert "training goes on on reference:0 from the last snapshot (steps to repeat: " in text
    (event,) = history.fallbacks()
    assert (event["lost"], event["device"], event["epoch"]) == ("lost:0", "reference:0", 2)
    assert 1 <= event["repeated"] <= 8
    assert event["error"].startswith("injected at call")
    assert "epoch 2: lost:0 was lost, went on on reference:0" in history.summary()
    again = rustorch.training.TrainingHistory()
    again.load_state_dict(history.state_dict())
    assert again.fallbacks() == history.fallbacks()


def test_without_fallback_the_loss_is_raised(make_device):
    device = make_device("lost")
    with pytest.raises(rustorch.DeviceLostError, match="injected"):
        run(device, None, fail_at=3000)


def test_out_of_memory_is_no_loss(make_device):
    device = make_device("small")
    rustorch.manual_seed(0)
    model = make_model("small")
    device.watch.arm(2000, rustorch.OutOfMemoryError)
    trainer = Trainer(TrainerConfig(epochs=5, batch_size=4), verbose=False, fallback="reference")
    with pytest.raises(rustorch.OutOfMemoryError):
        trainer.train(model, (POINTS, CLASSES))
    assert model.optimizer.param_groups[0]["params"][0].device == "small"


def test_a_lost_fallback_is_raised(make_device):
    stays, first, second = make_device("stays"), make_device("first"), make_device("second")
    run(stays, "reference")
    second.watch.arm(400, rustorch.DeviceLostError, forever=True)
    with pytest.raises(rustorch.DeviceLostError, match="injected"):
        run(first, "second", fail_at=stays.watch.number // 3)


def test_a_fallback_that_cannot_be_used_is_refused_before_training(make_device):
    device = make_device("first")
    make_device("narrow", dtypes=frozenset({"float64"}))
    with pytest.raises(rustorch.DeviceError, match="no backend is called 'nowhere'"):
        Trainer(TrainerConfig(epochs=1), fallback="nowhere", verbose=False).train(
            make_model("first"), (POINTS, CLASSES)
        )
    with pytest.raises(rustorch.DTypeError, match=r"weight is float32, .* the fallback device narrow:0"):
        Trainer(TrainerConfig(epochs=1), fallback="narrow", verbose=False).train(
            make_model("first"),
            [(rustorch.ones(2, 5, dtype="float64"), rustorch.ones(2, 3, dtype="float64"))],
        )
    assert device.watch.calls["matmul"] == 0
    with pytest.raises(
        rustorch.ArgumentError, match="Trainer: snapshot_every must be an integer of at least 1"
    ):
        Trainer(fallback="cpu", snapshot_every=0)


@pytest.mark.parametrize("kind", ["arrays", "tensors on the device", "batches on the device", "loader"])
def test_data_of_any_kind(make_device, kind):
    def given(device):
        x, y = (
            rustorch.tensor(v, device=device if "device" in kind else "reference") for v in (POINTS, CLASSES)
        )
        if kind == "batches on the device":
            return [[x[i : i + 4], y[i : i + 4]] for i in range(0, 27, 4)]
        if kind == "loader":
            data = rustorch.data.TensorDataset(x, y)
            return rustorch.data.DataLoader(data, batch_size=4, shuffle=True)
        return (POINTS, CLASSES) if kind == "arrays" else (x, y)

    stays, lost = make_device("stays"), make_device("lost")
    expected = run(stays, "reference", data=given("stays"))
    found = run(lost, "reference", data=given("lost"), fail_at=stays.watch.number // 2)
    assert_same(found, expected)
    assert len(found[3].fallbacks()) == 1


def test_a_dataset_on_the_lost_device_cannot_be_saved(make_device):
    stays, lost = make_device("stays"), make_device("lost")

    def loader(device):
        x, y = rustorch.tensor(POINTS, device=device), rustorch.tensor(CLASSES, device=device)
        return rustorch.data.DataLoader(rustorch.data.TensorDataset(x, y), batch_size=4)

    run(stays, "reference", data=loader("stays"))
    with pytest.raises(rustorch.DeviceLostError, match="the data itself is on a device that was lost"):
        run(lost, "reference", data=loader("lost"), fail_at=stays.watch.number // 2)


def test_a_module_with_tied_weights_a_schedule_and_a_user_s_alias(make_device):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.again, self.out = nn.Linear(5, 5), nn.Linear(5, 5), nn.Linear(5, 3)
            self.again.weight = self.inner.weight
            self.where = rustorch.get_default_device()

        def forward(self, x):
            x = self.again(self.inner(x).tanh()).tanh()
            return self.out(x + rustorch.rand(5, device=self.where))

    def train(device, fail_at):
        rustorch.manual_seed(2)
        with rustorch.device(device.name):
            model = Tied()
        alias = model.out.bias.detach()
        made = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        device.watch.arm(fail_at, rustorch.DeviceLostError, forever=True) if fail_at else None
        device.watch.number = 0
        trainer = Trainer(TrainerConfig(epochs=2, batch_size=4), verbose=False, fallback="reference")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            history = trainer.train(model, (POINTS, CLASSES), optimizer=made, loss="cross_entropy")
        assert model.again.weight is model.inner.weight is made.param_groups[0]["params"][0]
        assert alias.storage is model.out.bias.storage
        assert len(history.fallbacks()) == bool(fail_at)
        if fail_at:
            assert alias.device == model.where == "reference"
            device.watch.arm(1, rustorch.DeviceLostError, forever=True)
            assert trainer.evaluate(model, (POINTS, CLASSES))["loss"] > 0  # not on the lost device
        return history.train_loss(), device.watch.number

    stays, lost = make_device("stays"), make_device("lost")
    expected, total = train(stays, None)
    assert train(lost, total * 2 // 3)[0] == expected


def test_a_model_that_is_not_built_is_built_where_it_trains(make_device):
    device = make_device("first")

    def train(fallback, fail_at=None):
        rustorch.manual_seed(3)
        model = rustorch.Model().add("Dense(6, activation=tanh)").add("Dense(3)")
        model.compile("sgd", "cross_entropy", learning_rate=0.1)
        device.watch.number = 0
        if fail_at:
            device.watch.arm(fail_at, rustorch.DeviceLostError, forever=True)
        trainer = Trainer(TrainerConfig(epochs=2, batch_size=9), verbose=False, fallback=fallback)
        with rustorch.device("first"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            history = trainer.train(model, (POINTS, CLASSES))
        return history, model, device.watch.number

    alone, _, _ = train(None)
    watched, model, calls = train("reference")
    assert {str(p.device) for p in model.parameters()} == {"first:0"}
    saved, model, _ = train("reference", fail_at=calls * 3 // 4)
    assert {str(p.device) for p in model.parameters()} == {"reference:0"}
    assert alone.train_loss() == watched.train_loss() == saved.train_loss()


@pytest.mark.parametrize("built", [True, False])
def test_fit_goes_on_as_a_trainer_does(make_device, built):
    device = make_device("first")

    def fit(fallback, fail_at=None):
        rustorch.manual_seed(3)
        model = rustorch.Model().add("Dense(6, activation=tanh)").add("Dropout(0.2)").add("Dense(3)")
        model.compile("adam", "cross_entropy", ["accuracy"], learning_rate=0.1)
        device.watch.number = 0
        with rustorch.device("first"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            if built:
                model.build((None, 5))
            if fail_at:
                device.watch.arm(fail_at, rustorch.DeviceLostError, forever=True)
            data = (POINTS, CLASSES)
            model.fit(data, data, epochs=2, verbose=False, batch_size=4, fallback=fallback, snapshot_every=3)
        return model, device.watch.number

    alone, _ = fit(None)
    watched, calls = fit("reference")
    assert not watched.history.fallbacks()
    saved, _ = fit("reference", calls * 2 // 3)
    assert [event["device"] for event in saved.history.fallbacks()] == ["reference:0"]
    assert {str(p.device) for p in saved.parameters()} == {"reference:0"}
    assert alone.history.history == watched.history.history == saved.history.history
    calls = device.watch.number
    saved.fit((POINTS, CLASSES), epochs=1, verbose=False)  # where the model is now
    assert device.watch.number == calls
    device.watch.disarm()


def test_fit_refuses_a_fallback_that_cannot_be_used(make_device):
    make_device("first")
    model = make_model("first")
    with pytest.raises(rustorch.DeviceError, match="no backend is called 'nowhere'"):
        model.fit((POINTS, CLASSES), epochs=1, fallback="nowhere")
    with pytest.raises(rustorch.ArgumentError, match="fit: snapshot_every must be an integer of at least 1"):
        model.fit((POINTS, CLASSES), epochs=1, fallback="reference", snapshot_every=0)


def test_migrating_a_trainer_leaves_its_fallback(make_device):
    make_device("first")
    trainer = Trainer(TrainerConfig(epochs=1, device="first"), verbose=False, fallback="reference")
    model = make_model("first")
    trainer.train(model, (POINTS, CLASSES))
    rustorch.migrate(trainer, to="reference")
    rustorch.migrate(trainer, to="cpu")
    assert (trainer.fallback, str(trainer.config.device)) == ("reference:0", "cpu:0")


def test_a_second_training_goes_on_on_the_fallback(make_device):
    stays, lost = make_device("stays"), make_device("lost")
    run(stays, "reference")
    _, _, trainer, _, model, _ = run(lost, "reference", fail_at=stays.watch.number // 2)
    trainer.config.set_device("lost")
    calls = lost.watch.number
    history = trainer.train(model, (POINTS, CLASSES))
    assert lost.watch.number == calls
    assert not history.fallbacks()


def test_on_the_fallback_itself_nothing_is_copied(make_device):
    device = make_device("only")
    model = make_model("only")
    device.watch.calls.clear()
    Trainer(TrainerConfig(epochs=1, batch_size=9, log_frequency=99), verbose=False, fallback="only").train(
        model, (POINTS, CLASSES)
    )
    assert device.watch.calls["copy_to_host"] < 20  # losses and metrics, no weights


def test_what_did_not_change_is_copied_once(make_device):
    device = make_device("first")
    model = nn.Sequential(nn.Linear(5, 64), nn.Linear(64, 3)).to("first")
    model[0].requires_grad_(False)
    made = optim.SGD(model[1].parameters(), lr=0.1)
    sizes = []
    inner = device._runtime.inner.copy_to_host
    device._runtime.copy_to_host = lambda target, buffer, offset: (
        sizes.append(target.nbytes), inner(target, buffer, offset)
    )  # fmt: skip
    Trainer(TrainerConfig(epochs=1, batch_size=2), verbose=False, fallback="cpu", snapshot_every=2).train(
        model, (POINTS, CLASSES), optimizer=made, loss="cross_entropy"
    )
    assert sizes.count(5 * 64 * 4) == 1
    assert sizes.count(64 * 3 * 4) >= 7


def test_the_memory_of_old_snapshots_goes(make_device):
    device = make_device("first")
    run(device, "reference", every=2)
    gc.collect()
    held = rustorch.memory_stats("first")["allocated"]
    run(device, "reference", every=2, epochs=6)
    gc.collect()
    assert rustorch.memory_stats("first")["allocated"] <= 2 * held
