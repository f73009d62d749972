import csv
import math

import numpy as np
import pytest

import rustorch
from rustorch.errors import ArgumentError
from rustorch.optim import lr_scheduler
from rustorch.training import (
    MAE,
    Callback,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    Model,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
    TrainingError,
)

X = np.linspace(-1, 1, 16, dtype=np.float32)[:, None]
PAIR = (X, 2 * X)


def model_of(rate=0.1, **options):
    rustorch.manual_seed(0)
    model = Model().add("Dense(1)")
    model.compile({"name": "sgd", "lr": rate}, "mse", **options)
    return model


class Script(Callback):
    """Puts given numbers in the place of the validation loss."""

    def __init__(self, *values):
        self.values = values

    def on_epoch_end(self, epoch, logs):
        logs["val_loss"] = self.values[epoch]


def run(values, *callbacks, epochs=None):
    model = model_of()
    history = model.fit(
        PAIR,
        validation_data=PAIR,
        epochs=epochs or len(values),
        verbose=False,
        callbacks=[Script(*values), *callbacks],
    )
    return model, history


def test_events_come_in_order():
    events = []

    class Spy(Callback):
        def __getattribute__(self, name):
            if name.startswith("on_"):
                return lambda *args: events.append((name, *args[:-1]))
            return super().__getattribute__(name)

    model_of().fit(PAIR, validation_data=PAIR, epochs=2, batch_size=8, callbacks=[Spy()], verbose=False)
    batches = [
        ("on_train_batch_begin", 0),
        ("on_train_batch_end", 0),
        ("on_train_batch_begin", 1),
        ("on_train_batch_end", 1),
    ]
    epoch = [*batches, ("on_test_begin",), ("on_test_end",)]
    assert events == [
        ("on_train_begin",),
        ("on_epoch_begin", 0), *epoch, ("on_epoch_end", 0),
        ("on_epoch_begin", 1), *epoch, ("on_epoch_end", 1),
        ("on_train_end",),
    ]  # fmt: skip


def test_what_a_callback_knows():
    seen = {}

    class Spy(Callback):
        def on_batch_end(self, _batch, logs):
            seen.setdefault("losses", []).append(logs["loss"])

        def on_train_end(self, _logs):
            seen.update(self.params, model=self.model, optimizer=self.optimizer)

    model = model_of(metrics=["mae"])
    history = model.fit(PAIR, epochs=1, batch_size=4, callbacks=[Spy()], verbose=False)
    assert (seen["epochs"], seen["steps"], seen["metrics"]) == (1, 4, ["loss", "mae"])
    assert (seen["model"], seen["optimizer"]) == (model, model.optimizer)
    assert len(seen["losses"]) == 4
    assert seen["losses"][-1] == history.train_loss()[0]


def test_stop_training():
    model = model_of()
    stop = LambdaCallback(on_epoch_end=lambda epoch, _logs: setattr(model, "stop_training", epoch == 2))
    assert len(model.fit(PAIR, epochs=9, callbacks=[stop], verbose=False)) == 3
    assert len(model.fit(PAIR, epochs=2, verbose=False)) == 2
    with pytest.raises(ArgumentError, match=r"no event 'on_epoch_ende'; did you mean on_epoch_end\?"):
        LambdaCallback(on_epoch_ende=print)


@pytest.mark.parametrize(
    ("values", "options", "epochs", "best"),
    [
        ([3, 2, 1, 1.5, 1.4, 1.3, 0.5], {"patience": 3}, 6, 2),
        ([3, 2, 1, 1.5, 1.4, 0.9, 0.5], {"patience": 3}, 7, 6),
        ([3, 2, 2.5, 1], {"patience": 0}, 3, 1),
        ([3, 2, 2.5, 1], {"patience": 1}, 3, 1),
        ([3, 2.9, 2.8, 2.7], {"patience": 2, "min_delta": 0.5}, 3, 0),
        ([1, 2, 3, 2, 1], {"patience": 2, "mode": "max"}, 5, 2),
        ([3, math.nan, math.nan, 1], {"patience": 2}, 3, 0),
    ],
)
def test_early_stopping(values, options, epochs, best):
    stopping = EarlyStopping(**options)
    _, history = run(values, stopping)
    assert len(history) == epochs
    assert stopping.best_epoch == best
    assert stopping.stopped_epoch == (epochs - 1 if epochs < len(values) else None) or epochs == len(values)


def test_early_stopping_brings_the_best_weights_back():
    weights = []

    class Note(Callback):
        def on_epoch_end(self, _epoch, _logs):
            weights.append(self.model.dense_1.weight.item())

    stopping = EarlyStopping(patience=2, restore_best_weights=True)
    model, history = run([3, 1, 2, 2, 2], Note(), stopping)
    assert len(history) == 4
    assert model.dense_1.weight.item() == weights[1] != weights[-1]


def test_a_wrong_name_is_an_error_at_once():
    with pytest.raises(
        TrainingError, match=r"EarlyStopping: nothing is called 'val_loss'.*\n.*give validation_data"
    ):
        model_of().fit(PAIR, callbacks=[EarlyStopping()], verbose=False)
    with pytest.raises(TrainingError, match=r"nothing is called 'los'; did you mean loss\?"):
        model_of().fit(PAIR, callbacks=[ReduceLROnPlateau("los")], verbose=False)
    with pytest.raises(ArgumentError, match="mode must be min, max or auto"):
        EarlyStopping(mode="down")
    with pytest.raises(ArgumentError, match="patience must be"):
        EarlyStopping(patience=-1)


def test_metrics_say_what_is_better():
    class Score(MAE):
        larger_is_better = True

    class Note(Callback):
        def on_epoch_end(self, epoch, logs):
            logs["val_score"] = [1, 3, 2, 2][epoch]

    stopping = EarlyStopping("val_score", patience=2)
    model = model_of(metrics=[Score("score")])
    model.fit(PAIR, validation_data=PAIR, epochs=4, callbacks=[Note(), stopping], verbose=False)
    assert (stopping.best, stopping.best_epoch, stopping.stopped_epoch) == (3, 1, 3)


def test_checkpoints(tmp_path):
    path = tmp_path / "sub" / "m-{epoch:02d}-{val_loss:.1f}.rustorch"
    best = ModelCheckpoint(path, save_best_only=True)
    every = ModelCheckpoint(tmp_path / "last.rustorch")
    model, _ = run([3, 1, 2, 0.5], best, every)
    assert [p.name for p in best.saved] == ["m-01-3.0.rustorch", "m-02-1.0.rustorch", "m-04-0.5.rustorch"]
    assert len(every.saved) == 4
    loaded = rustorch.utils.load_model(tmp_path / "last.rustorch")
    assert bool((loaded.predict(X) == model.predict(X)).all())
    with pytest.raises(ArgumentError, match=r"ModelCheckpoint: .* cannot be filled in .*\n.*has epoch, loss"):
        model_of().fit(PAIR, callbacks=[ModelCheckpoint("{acc}.x")], verbose=False)


def test_csv(tmp_path):
    path = tmp_path / "log.csv"
    model = model_of(metrics=["mae"])
    history = model.fit(PAIR, validation_data=PAIR, epochs=2, verbose=False, callbacks=[CSVLogger(path)])
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "loss", "mae", "val_loss", "val_mae"]
    assert [float(row["loss"]) for row in rows] == history.train_loss()
    assert [row["epoch"] for row in rows] == ["0", "1"]
    model.fit(PAIR, validation_data=PAIR, epochs=1, verbose=False, callbacks=[CSVLogger(path, append=True)])
    assert len(path.read_text().splitlines()) == 4


def rates(callback, epochs=4, **options):
    seen = []
    note = LambdaCallback(
        on_epoch_end=lambda _epoch, _logs: seen.append(model.optimizer.param_groups[0]["lr"])
    )
    model = model_of(**options)
    model.fit(PAIR, epochs=epochs, batch_size=4, verbose=False, callbacks=[note, callback])
    return seen


def test_learning_rate_by_function():
    assert rates(LearningRateScheduler(lambda epoch: 1 / (epoch + 1))) == [1, 1 / 2, 1 / 3, 1 / 4]
    assert rates(LearningRateScheduler(lambda _epoch, lr: lr / 2), rate=1.0) == [0.5, 0.25, 0.125, 0.0625]


def test_learning_rate_by_scheduler():
    assert rates(LearningRateScheduler(lr_scheduler.StepLR, step_size=2, gamma=0.5), rate=1.0) == [
        1,
        1,
        0.5,
        0.5,
    ]
    seen = rates(
        LearningRateScheduler(lr_scheduler.ExponentialLR, per_batch=True, gamma=0.5), rate=1.0, epochs=2
    )
    assert seen == [1 / 16, 1 / 256]
    model = model_of(1.0).build((None, 1))
    model.compile({"name": "sgd", "lr": 1.0}, "mse")
    mine = lr_scheduler.StepLR(model.optimizer, step_size=1, gamma=0.1)
    model.fit(PAIR, epochs=2, verbose=False, callbacks=[LearningRateScheduler(mine)])
    assert model.optimizer.param_groups[0]["lr"] == pytest.approx(0.01)


def test_plateau():
    plateau = ReduceLROnPlateau(factor=0.5, patience=0)
    model, _ = run([3, 2, 2, 1, 1], plateau)
    assert model.optimizer.param_groups[0]["lr"] == pytest.approx(0.1 / 4)


def test_nan_is_reported_and_can_stop_the_run():
    x = X.copy()
    x[9] = np.nan
    with pytest.warns(
        RuntimeWarning, match=r"the loss became nan in epoch 1 by batch 4; try a smaller learning rate"
    ):
        history = model_of().fit((x, X), epochs=3, batch_size=4, shuffle=False, verbose=False)
    assert len(history) == 3
    stop = TerminateOnNaN()
    with pytest.warns(RuntimeWarning, match="in epoch 1 by batch 3"):
        history = model_of().fit(
            (x, X), epochs=3, batch_size=4, shuffle=False, callbacks=[stop], verbose=False
        )
    assert (len(history), stop.stopped) == (1, True)


def test_history_callback():
    mine = History()
    history = model_of().fit(PAIR, epochs=2, verbose=False, callbacks=[mine])
    assert mine.history == history.history
    assert mine.epoch == [0, 1]
