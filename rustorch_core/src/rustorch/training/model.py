"""``Model``: a network with layers by name, and everything to train it."""

from __future__ import annotations

from typing import Any

import rustorch
from rustorch.errors import ArgumentError, SerializationError
from rustorch.training import evaluation, optimizers, state
from rustorch.training.batches import as_batches, batch_of, is_array, place_of, split
from rustorch.training.callbacks.base import CallbackList
from rustorch.training.checks import count
from rustorch.training.errors import TrainingError
from rustorch.training.guard import Guard, guard_for
from rustorch.training.history import TrainingHistory
from rustorch.training.learner import Learner
from rustorch.training.loop import Loop, Options, begun
from rustorch.training.metrics import metrics_of
from rustorch.training.objective import Objective
from rustorch.training.stack import Stack
from rustorch.training.summary import table, totals

_FORMAT = 1  # of get_config


class Model(Stack):
    """A network made of layers by name, with ``compile``, ``fit``, ``evaluate`` and ``predict``.

    Layers are strings or modules; strings need no input size, it comes with the first batch.  A
    subclass may define ``__init__`` and ``forward`` like any module and is trained the same way.

    Args:
        name: for the summary and saved files.

    >>> import rustorch
    >>> _ = rustorch.manual_seed(0)
    >>> x = rustorch.randn((64, 2))
    >>> y = (x[:, 0] > x[:, 1]).long()
    >>> model = rustorch.Model("larger").add("Dense(16, activation=relu)").add("Dense(2, activation=softmax)")
    >>> model.compile(
    ...     optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"], learning_rate=0.05
    ... )
    >>> history = model.fit((x, y), epochs=20, verbose=False)
    >>> model.evaluate((x, y))["accuracy"] > 0.9
    True
    >>> tuple(model.predict(x).shape)
    (64, 2)
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__()
        if name is not None and not isinstance(name, str):
            raise ArgumentError(
                f"Model: the name must be a string, got {name!r}", hint="layers are given to add()"
            )
        self.name = name or type(self).__name__
        self.history: TrainingHistory | None = None
        self.optimizer: Any = None
        self.stop_training = False
        self._compiled: dict[str, Any] | None = None
        self._callbacks: list[Any] = []

    def add(self, layer: Any) -> Model:
        """Add a layer at the end; return the model, so that calls can be chained.

        Args:
            layer: a string such as ``"Dense(64, activation=relu)"``, ``"Conv2D(32, 3)"``, ``"Dropout(0.3)"``
                (``rustorch.training.layer_names()`` lists all), or an ``nn.Module``.
        """
        self.append(layer)
        if self._compiled is not None and self.optimizer is not None:
            if isinstance(self._compiled["optimizer"], rustorch.optim.Optimizer):
                self._compiled = None  # it does not know the new parameters
            self.optimizer = None
        return self

    def compile(
        self,
        optimizer: Any = "sgd",
        loss: Any = "mse",
        metrics: Any = None,
        *,
        learning_rate: float | None = None,
    ) -> None:
        """Say how to train.

        Args:
            optimizer: a name (``"adam"``, ``"sgd"`` ...), a dict (``{"name": "sgd", "lr": 0.1}``), an
                optimizer class, a function of the parameters, or an optimizer.
            loss: a name (``rustorch.training.LOSSES`` lists all) or a function of (prediction, target).
            metrics: names (``"accuracy"``, ``"top_5_accuracy"``, ``"f1"`` ...), metrics, or functions.
            learning_rate: overrides the optimizer's.

        Raises:
            ArgumentError: for a name that does not exist; names the closest.
        """
        optimizers.check(optimizer)
        objective = Objective(loss)
        measured = metrics_of(metrics, objective.task)
        self._compiled = {
            "optimizer": optimizer, "loss": loss, "metrics": metrics, "learning_rate": learning_rate,
            "objective": objective, "measured": measured,
        }  # fmt: skip
        self.optimizer = None
        if self.built:
            self._create_optimizer()

    @property
    def compiled(self) -> bool:
        """Whether ``compile`` was called."""
        return self._compiled is not None

    def _create_optimizer(self) -> None:
        chosen = self._compiled
        if chosen is not None and self.optimizer is None:
            self.optimizer = optimizers.make(chosen["optimizer"], self.parameters(), chosen["learning_rate"])

    def learner(self, sample: Any = None, *, what: str = "fit") -> Learner:
        """Return the model with its loss, optimizer and metrics, built for a sample batch if needed.

        Raises:
            TrainingError: before ``compile``.
        """
        if self._compiled is None:
            raise TrainingError(
                "Model must be compiled before training",
                hint='call model.compile(optimizer="adam", loss="mse") first',
            )
        if not self.built and sample is not None:
            self.ensure_built(batch_of(sample, place_of(self), what=what).inputs)
        if self.built:
            self._create_optimizer()
        return Learner(self, self._compiled["objective"], self.optimizer, self._compiled["measured"])

    def fit(
        self,
        train_data: Any,
        validation_data: Any = None,
        epochs: int = 10,
        verbose: bool = True,
        batch_size: int = 32,
        shuffle: bool = True,
        callbacks: Any = None,
        validation_split: float = 0.0,
        initial_epoch: int = 0,
        fallback: Any = None,
        snapshot_every: int = 20,
    ) -> TrainingHistory:
        """Train; return the history, which is also ``model.history``.

        Args:
            train_data: a DataLoader, a Dataset, a tuple (x, y) of tensors or arrays, or a list of batches.
            validation_data: the same; measured after each epoch.
            epochs: the number of the last epoch, as in Keras; with `initial_epoch` 0 the number of epochs.
            verbose: show progress: a bar on a terminal, a line per epoch elsewhere.
            batch_size: for a Dataset or arrays.
            shuffle: mix a Dataset or arrays anew for every epoch.
            callbacks: a list of :class:`Callback`.
            validation_split: the last share of a Dataset or arrays is validation data.
            initial_epoch: where to go on; the history goes on as well.
            fallback: a device to go on with if the one that trains is lost, as for :class:`Trainer`.
            snapshot_every: with `fallback`, batches between two copies of the state into host memory.

        The loss of an epoch is the mean over its samples.  If the run is interrupted (Ctrl-C) or fails,
        modes are restored and ``model.history`` holds the epochs that were finished.

        Raises:
            TrainingError: before ``compile``, or if there are no batches.
            ShapeError: if prediction and target do not fit.
            DeviceError: if there is a fallback device that cannot be opened.
            DTypeError: if it lacks a dtype of the model.
        """
        if not self.compiled:
            self.learner()
        _check_epochs(epochs, initial_epoch)
        if validation_split:
            if validation_data is not None:
                raise ArgumentError("fit: give validation_data or validation_split, not both")
            train_data, validation_data = split(train_data, validation_split, place_of(self))
        train = self._batches(train_data, batch_size, shuffle=shuffle)
        val = None if validation_data is None else self._batches(validation_data, batch_size)
        options = Options(epochs=epochs, initial_epoch=initial_epoch, verbose=verbose)
        guard = guard_for(self, fallback, count("fit", "snapshot_every", snapshot_every))
        train, val = guard.data(train), None if val is None else guard.data(val)
        return self._run(train, val, options, CallbackList(callbacks), guard)

    def _batches(self, data: Any, batch_size: int, *, shuffle: bool = False, what: str = "fit") -> Any:
        return as_batches(data, batch_size, shuffle=shuffle, place=place_of(self), what=what)

    def _run(
        self, train: Any, val: Any, options: Options, callbacks: CallbackList, guard: Guard
    ) -> TrainingHistory:
        first = None
        if not self.built:
            sample, first = begun(train)
            self.learner(sample)
        learner = self.learner()
        history = TrainingHistory()
        if (
            options.initial_epoch
            and self.history is not None
            and self.history.epochs()[-1:] == [options.initial_epoch]
        ):
            history = self.history
        self.history = history
        self._callbacks = callbacks.callbacks
        return Loop(learner, train, val, options, callbacks, history, guard).run(first)

    def evaluate(self, data: Any, batch_size: int = 32) -> dict[str, float]:
        """Return ``{"loss": ..., <metric>: ...}`` over all of `data`, in evaluation mode, without gradients.

        Args:
            data: as for :meth:`fit`.
            batch_size: for a Dataset or arrays.
        """
        if not self.compiled:
            self.learner()
        batches = self._batches(data, batch_size, what="evaluate")
        if not self.built:
            sample, batches = begun(batches)
            self.learner(sample, what="evaluate")
        return evaluation.evaluate(self.learner(), batches)

    def predict(self, data: Any, batch_size: int = 32) -> Any:
        """Return the outputs of the model, in evaluation mode, without gradients.

        Args:
            data: a tensor or array: the result is one tensor.  A DataLoader, Dataset or list of batches:
                the result is a list with one tensor per batch; targets in the batches are left out.
            batch_size: for tensors, arrays and Datasets.
        """
        whole = is_array(data)
        batches = self._batches(data, batch_size, what="predict")
        if not self.built:
            sample, batches = begun(batches)
            self.ensure_built(batch_of(sample, place_of(self), what="predict", with_target=False).inputs)
        outputs = evaluation.predict(self, batches)
        if not whole:
            return outputs
        if not outputs:
            raise ArgumentError("predict: there are no samples")
        return rustorch.cat(outputs) if len(outputs) > 1 else outputs[0]

    def summary(self) -> str:
        """Return a table of layers, output shapes (N is the batch) and parameters; ``print`` shows it."""
        return table(f"Model {self.name!r}", self.rows(), totals(self, built=self.built))

    # -- saving ------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Return the architecture as plain data: the name, the layer strings, and the input it was built for.

        Raises:
            SerializationError: if a layer is a module or forward is overridden.
        """
        return {"format": _FORMAT, "name": self.name, "layers": self.layer_texts(), "input": self._input}

    @classmethod
    def from_config(cls, config: Any) -> Model:
        """Return a model with the architecture of :meth:`get_config`, built if that one was."""
        if (
            not isinstance(config, dict)
            or config.get("format") != _FORMAT
            or not isinstance(config.get("layers"), list)
        ):
            raise SerializationError(
                f"Model.from_config: expected what get_config() returned, got {config!r:.200}"
            )
        model = cls(config.get("name"))
        for layer in config["layers"]:
            if not isinstance(layer, str):
                raise SerializationError(
                    f"Model.from_config: a layer must be a string, got {type(layer).__name__}"
                )
            model.add(layer)
        built_for = config.get("input")
        if built_for is not None:
            model.build([1, *built_for["shape"][1:]], built_for["dtype"])
        return model

    def training_state(self) -> dict[str, Any]:
        """Return everything that a later run needs to go on with the same bits.

        Taken between epochs (also by a callback at their end).  The dict has weights, optimizer, position
        of the random generator, history, callbacks, and ``epoch``, the number of finished epochs::

            state = model.training_state()
            ...
            model.load_training_state(state)
            model.fit(data, epochs=20, initial_epoch=state["epoch"])
        """
        if self.optimizer is None:
            self.learner()
            raise TrainingError(
                "training_state: the model is not built yet", hint="call fit or build(input_shape) first"
            )
        taken = state.capture(self, self.optimizer, self.history or TrainingHistory(), self._callbacks)
        taken["input"] = self._input
        return taken

    def load_training_state(self, training_state: dict[str, Any], callbacks: Any = None) -> int:
        """Go back to a state of :meth:`training_state`; return the number of finished epochs.

        Args:
            training_state: the state; the model must be compiled as it was.
            callbacks: those that the next ``fit`` will get, to give them back what they remember.
        """
        state.check(training_state)
        built_for = training_state.get("input")
        if not self.built and built_for is not None:
            self.build([1, *built_for["shape"][1:]], built_for["dtype"])
        learner = self.learner()
        self.history = state.restore(
            training_state, self, learner.optimizer, CallbackList(callbacks).callbacks
        )
        return int(training_state["epoch"])


def _check_epochs(epochs: Any, initial: Any) -> None:
    count("fit", "epochs", epochs)
    count("fit", "initial_epoch", initial, least=0)
    if initial >= epochs:
        raise ArgumentError(
            f"fit: epochs must be above initial_epoch, got {epochs} and {initial}",
            hint="epochs is the number of the last epoch, not how many to run",
        )
