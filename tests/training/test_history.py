import math

import pytest

from rustorch.errors import ArgumentError
from rustorch.training import TrainingHistory


@pytest.fixture
def history():
    made = TrainingHistory()
    made.add_epoch(0.9, 1.0, {"accuracy": 0.5, "val_accuracy": 0.4})
    made.add_epoch(0.5, metrics={"accuracy": 0.6})
    made.add_epoch(0.4, 0.7, {"accuracy": 0.7, "val_accuracy": 0.6})
    made.add_epoch(0.3, 0.8, {"accuracy": 0.8, "val_accuracy": 0.5})
    return made


def test_what_was_added_comes_back(history):
    assert history.train_loss() == [0.9, 0.5, 0.4, 0.3]
    assert history.val_loss() == [1.0, 0.7, 0.8]
    assert history.metrics() == {"accuracy": [0.5, 0.6, 0.7, 0.8], "val_accuracy": [0.4, 0.6, 0.5]}
    assert history.history["val_loss"] == [1.0, 0.7, 0.8]
    assert (history.epochs(), history.epoch, len(history)) == ([1, 2, 3, 4], [0, 1, 2, 3], 4)


def test_best_epoch(history):
    assert (history.best_val_loss(), history.best_epoch()) == (0.7, 3)
    plain = TrainingHistory()
    assert (plain.best_val_loss(), plain.best_epoch()) == (None, None)
    plain.add_epoch(1.0)
    plain.add_epoch(math.nan)
    assert (plain.best_val_loss(), plain.best_epoch()) == (None, 1)


def test_plot_data_is_aligned(history):
    epochs, train, val = history.plot_data()
    assert (epochs, train) == ([1, 2, 3, 4], [0.9, 0.5, 0.4, 0.3])
    assert [None if math.isnan(v) else v for v in val] == [1.0, None, 0.7, 0.8]
    plain = TrainingHistory()
    plain.add_epoch(1.0)
    assert plain.plot_data() == ([1], [1.0], [])


def test_summary(history):
    assert history.summary().splitlines()[0] == "TrainingHistory: 4 epochs in 0.0 s"
    assert "  val_loss: 1 -> 0.8" in history.summary()
    assert "  best epoch: 3" in history.summary()
    assert TrainingHistory().summary() == "TrainingHistory: no epochs"


def test_state(history):
    other = TrainingHistory()
    other.load_state_dict(history.state_dict())
    assert other.history == history.history


def test_errors(history):
    with pytest.raises(ArgumentError, match="epochs must increase, got 4 after 4"):
        history.add_epoch(0.1, epoch=4)
    with pytest.raises(ArgumentError, match="val_loss is not a metric"):
        history.add_epoch(0.1, metrics={"val_loss": 1.0})
