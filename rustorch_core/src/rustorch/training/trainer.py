"""``Trainer``: training as a configuration says, for models of any kind."""

from __future__ import annotations

from typing import Any

from rustorch import data as data_module
from rustorch import nn
from rustorch.autograd import no_grad
from rustorch.device import Device
from rustorch.errors import ArgumentError, ArgumentTypeError
from rustorch.training import evaluation, optimizers, state
from rustorch.training.batches import as_batches, batch_of, place_of
from rustorch.training.callbacks.base import CallbackList
from rustorch.training.checks import count
from rustorch.training.config import TrainerConfig
from rustorch.training.errors import TrainingError
from rustorch.training.guard import guard_for
from rustorch.training.history import TrainingHistory
from rustorch.training.learner import Learner, is_materialized, modes_restored
from rustorch.training.loop import Loop, Options, begun
from rustorch.training.metrics import metrics_of
from rustorch.training.model import Model
from rustorch.training.objective import Objective

_BATCH_SIZE = 32


class Trainer:
    """Trains a compiled :class:`Model`, or any module with an optimizer and a loss.

    Args:
        config: how to train; the defaults of :class:`TrainerConfig` if None.
        verbose: show progress.
        fallback: a device to go on with if the one that trains is lost (:class:`rustorch.DeviceLostError`):
            with the losses, to rounding, of a run that lost nothing.  None raises the error instead.
        snapshot_every: with `fallback`, batches between two copies of weights, optimizer state and buffers
            into host memory; as many batches are kept there, and repeated after a loss.

    See ``docs/switching-hardware.md`` for what `fallback` costs and what it cannot save.

    >>> import rustorch
    >>> from rustorch import nn, optim
    >>> from rustorch.training import Trainer, TrainerConfig
    >>> x = rustorch.linspace(-1, 1, 20).unsqueeze(1)
    >>> net = nn.Linear(1, 1)
    >>> trainer = Trainer(TrainerConfig(epochs=40, learning_rate=0.1), verbose=False)
    >>> history = trainer.train(net, (x, 3 * x), optimizer=optim.SGD(net.parameters(), lr=1.0), loss="mse")
    >>> history.train_loss()[-1] < 0.01
    True
    """

    def __init__(
        self,
        config: TrainerConfig | None = None,
        *,
        verbose: bool = True,
        fallback: Any = None,
        snapshot_every: int = 20,
    ) -> None:
        if config is not None and not isinstance(config, TrainerConfig):
            raise ArgumentTypeError(f"Trainer: a TrainerConfig is required, got {type(config).__name__}")
        self.config = config or TrainerConfig()
        self.verbose = verbose
        self.fallback = None if fallback is None else str(Device(fallback))
        self.snapshot_every = count("Trainer", "snapshot_every", snapshot_every)
        self.history: TrainingHistory | None = None
        self._learner: Learner | None = None
        self._callbacks: list[Any] = []
        self._pending: dict[str, Any] | None = None
        self._lost: frozenset[Device] = frozenset()

    def train(
        self,
        model: Any,
        train_loader: Any,
        val_loader: Any = None,
        *,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        callbacks: Any = None,
    ) -> TrainingHistory:
        """Train a model; return the history.

        Args:
            model: a compiled ``Model``, or any ``nn.Module``.
            train_loader: training data, as for ``Model.fit``.
            val_loader: validation data, or None.
            optimizer: for a module that is no compiled Model: what ``Model.compile`` takes.
            loss: likewise.
            metrics: likewise.
            callbacks: a list of :class:`Callback`.

        Raises:
            DeviceError: if there is a fallback device that cannot be opened.
            DTypeError: if it lacks a dtype of the model.
        """
        config = self.config
        self._move(model)
        train = self._batches(model, train_loader, "train", shuffle=True)
        val = None if val_loader is None else self._batches(model, val_loader, "train", shuffle=False)
        guard = guard_for(model, self.fallback, self.snapshot_every)
        train, val = guard.data(train), None if val is None else guard.data(val)
        sample, first = (None, None) if _ready(model) else begun(train)
        learner = self._learner_for(model, sample, optimizer, loss, metrics)
        if config.learning_rate is not None:
            optimizers.set_learning_rate(learner.optimizer, config.learning_rate)
        listed = CallbackList(callbacks)
        history, start = TrainingHistory(), 0
        if self._pending is not None:
            history = state.restore(self._pending, model, learner.optimizer, listed.callbacks)
            start, self._pending, first = int(self._pending["epoch"]), None, None
        if start >= config.epochs:
            raise TrainingError(
                f"train: all {config.epochs} epochs are done", hint="raise config.epochs to go on"
            )
        self.history, self._learner, self._callbacks = history, learner, listed.callbacks
        if isinstance(model, Model):
            model.history = history
        try:
            return Loop(learner, train, val, self._options(start), listed, history, guard).run(first)
        finally:
            self._lost |= frozenset(guard.lost)

    def evaluate(self, model: Any, loader: Any, *, loss: Any = None, metrics: Any = None) -> dict[str, float]:
        """Return the loss and metrics of a model over data; loss and metrics as last trained if not given."""
        self._move(model)
        batches = self._batches(model, loader, "evaluate", shuffle=False)
        if isinstance(model, Model) and loss is None:
            if metrics is not None:
                raise ArgumentError("evaluate: the metrics of a Model are those it was compiled with")
            return model.evaluate(batches)
        last = self._learner
        if loss is None:
            if last is None or last.model is not model:
                raise TrainingError("evaluate: a loss is needed for a module that this trainer did not train")
            objective, measured = last.objective, last.metrics
        else:
            objective, measured = Objective(loss), []
        if metrics is not None:
            measured = metrics_of(metrics, objective.task)
        return evaluation.evaluate(Learner(model, objective, None, measured), batches)

    # -- resuming ----------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return what a later run needs to go on with the same bits; see ``Model.training_state``."""
        if self._learner is None or self.history is None:
            raise TrainingError("Trainer.state_dict: nothing was trained yet")
        learner = self._learner
        return state.capture(learner.model, learner.optimizer, self.history, self._callbacks)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state: the next ``train`` loads it into its model and starts at its epoch."""
        state.check(state_dict)
        self._pending = state_dict

    # -- preparing ---------------------------------------------------------------------------------

    def _options(self, start: int) -> Options:
        config = self.config
        return Options(
            epochs=int(config.epochs),
            initial_epoch=start,
            verbose=self.verbose,
            log_frequency=config.log_frequency,
            validation_frequency=config.validation_frequency,
            clip_value=config.gradient_clip_value,
            accumulation=config.accumulation_steps,
        )

    def _move(self, model: Any) -> None:
        if not isinstance(model, nn.Module):
            raise ArgumentTypeError(f"train: a Model or nn.Module is required, got {type(model).__name__}")
        device = self.config.device
        if device is not None:
            model.to(device=self.fallback if device in self._lost else device)

    def _batches(self, model: Any, data: Any, what: str, *, shuffle: bool) -> Any:
        size = self.config.batch_size
        if size is not None and isinstance(data, data_module.DataLoader) and data.batch_size != size:
            raise ArgumentError(
                f"{what}: TrainerConfig has batch_size={size}, the DataLoader {data.batch_size}",
                hint="leave one of them out, or give a Dataset",
            )
        return as_batches(data, size or _BATCH_SIZE, shuffle=shuffle, place=place_of(model), what=what)

    def _learner_for(self, model: Any, sample: Any, optimizer: Any, loss: Any, metrics: Any) -> Learner:
        if isinstance(model, Model) and (model.compiled or (optimizer is None and loss is None)):
            if optimizer is not None or loss is not None or metrics is not None:
                raise ArgumentError(
                    "train: the model is compiled, so it has its own optimizer, loss and metrics"
                )
            return model.learner(sample)
        if optimizer is None or loss is None:
            raise TrainingError(
                f"train: {type(model).__name__} needs an optimizer and a loss",
                hint="train(model, data, optimizer='adam', loss='mse'), or use rustorch.Model",
            )
        if sample is not None:
            inputs = batch_of(sample, place_of(model), what="train").inputs
            with modes_restored(model, training=False), no_grad():
                model(*inputs)
        objective = Objective(loss)
        made = optimizers.make(optimizer, model.parameters())
        return Learner(model, objective, made, metrics_of(metrics, objective.task))


def _ready(model: Any) -> bool:
    return bool(model.built) if isinstance(model, Model) else is_materialized(model)
