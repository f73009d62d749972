"""What a training run recorded, epoch by epoch."""

from __future__ import annotations

import math
from typing import Any

from rustorch.errors import ArgumentError


class TrainingHistory:
    """Losses and metrics of each epoch.

    Epochs count from 1 here, as they are printed.  Validation may be rarer than training:
    :meth:`val_loss` holds only the epochs that were validated, :meth:`plot_data` has NaN in the others.

    >>> from rustorch.training import TrainingHistory
    >>> history = TrainingHistory()
    >>> history.add_epoch(0.9, 1.0, {"accuracy": 0.5})
    >>> history.add_epoch(0.4, 0.6, {"accuracy": 0.8})
    >>> history.train_loss(), history.best_epoch(), history.metrics()
    ([0.9, 0.4], 2, {'accuracy': [0.5, 0.8]})
    """

    def __init__(self) -> None:
        self._epochs: list[int] = []
        self._logs: list[dict[str, float]] = []
        self._seconds = 0.0
        self._fallbacks: list[dict[str, Any]] = []

    # -- recording ---------------------------------------------------------------------------------

    def add_epoch(
        self,
        train_loss: float,
        val_loss: float | None = None,
        metrics: dict[str, float] | None = None,
        *,
        epoch: int | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Record one epoch.

        Args:
            train_loss: mean loss of the training data.
            val_loss: mean loss of the validation data, if it was measured.
            metrics: any other values by name.
            epoch: its number, counted from 1; the next one if None.
            seconds: how long it took.
        """
        logs = {"loss": float(train_loss)}
        if val_loss is not None:
            logs["val_loss"] = float(val_loss)
        for name, value in (metrics or {}).items():
            if name in ("loss", "val_loss"):
                raise ArgumentError(f"add_epoch: {name} is not a metric, it has an argument of its own")
            logs[name] = float(value)
        last = self._epochs[-1] if self._epochs else 0
        if epoch is not None and epoch <= last:
            raise ArgumentError(f"add_epoch: epochs must increase, got {epoch} after {last}")
        self._epochs.append(last + 1 if epoch is None else epoch)
        self._logs.append(logs)
        self._seconds += seconds

    def add_fallback(self, lost: str, device: str, *, repeated: int, error: str) -> None:
        """Record that a device was lost in the epoch after the last one recorded.

        Args:
            lost: the device, or several.
            device: where the run went on.
            repeated: steps that were done again.
            error: what the lost device said.
        """
        epoch = self._epochs[-1] + 1 if self._epochs else 1
        self._fallbacks.append(
            {"epoch": epoch, "lost": lost, "device": device, "repeated": repeated, "error": error}
        )

    # -- reading -----------------------------------------------------------------------------------

    def train_loss(self) -> list[float]:
        """Return the training loss of every epoch."""
        return self._values("loss")

    def val_loss(self) -> list[float]:
        """Return the validation loss of every epoch that was validated."""
        return self._values("val_loss")

    def metrics(self) -> dict[str, list[float]]:
        """Return the values of every metric by name; those of the validation data start with ``val_``."""
        names = dict.fromkeys(name for logs in self._logs for name in logs)
        return {name: self._values(name) for name in names if name not in ("loss", "val_loss")}

    def epochs(self) -> list[int]:
        """Return the numbers of the recorded epochs, counted from 1."""
        return list(self._epochs)

    def training_time(self) -> float:
        """Return the seconds that the epochs took, validation included."""
        return self._seconds

    def fallbacks(self) -> list[dict[str, Any]]:
        """Return what happened to the run's devices: ``{"epoch", "lost", "device", "repeated", "error"}`` each."""
        return [dict(event) for event in self._fallbacks]

    def best_val_loss(self) -> float | None:
        """Return the lowest validation loss, or None without validation."""
        return min((v for v in self.val_loss() if not math.isnan(v)), default=None)

    def best_epoch(self) -> int | None:
        """Return the epoch with the lowest validation loss (training loss if none was validated)."""
        name = "val_loss" if self.val_loss() else "loss"
        found = [
            (logs[name], epoch)
            for epoch, logs in zip(self._epochs, self._logs, strict=True)
            if name in logs and not math.isnan(logs[name])
        ]
        return min(found)[1] if found else None

    def plot_data(self) -> tuple[list[int], list[float], list[float]]:
        """Return epochs, training losses and validation losses, ready to draw.

        The three lists have one length (NaN where an epoch was not validated); the last is empty if
        there was no validation at all.
        """
        val = [logs.get("val_loss", math.nan) for logs in self._logs] if self.val_loss() else []
        return self.epochs(), self.train_loss(), val

    def summary(self) -> str:
        """Return a few lines about the run."""
        if not self._epochs:
            return "TrainingHistory: no epochs"
        count = len(self._epochs)
        lines = [f"TrainingHistory: {count} epoch{'s' if count > 1 else ''} in {self._seconds:.1f} s"]
        lines += [
            f"  {name}: {values[0]:.4g} -> {values[-1]:.4g}"
            for name, values in self.history.items()
            if values
        ]
        best = self.best_epoch()
        if best is not None:
            lines.append(f"  best epoch: {best}")
        lines += [
            f"  epoch {event['epoch']}: {event['lost']} was lost, went on on {event['device']}"
            for event in self._fallbacks
        ]
        return "\n".join(lines)

    @property
    def history(self) -> dict[str, list[float]]:
        """Everything by name, as Keras has it: ``loss``, ``accuracy``, ``val_loss``, ..."""
        names = dict.fromkeys(name for logs in self._logs for name in logs)
        return {name: self._values(name) for name in names}

    @property
    def epoch(self) -> list[int]:
        """The numbers of the epochs counted from 0, as Keras has them."""
        return [number - 1 for number in self._epochs]

    def _values(self, name: str) -> list[float]:
        return [logs[name] for logs in self._logs if name in logs]

    def __len__(self) -> int:
        return len(self._epochs)

    def __repr__(self) -> str:
        return f"TrainingHistory(epochs={len(self)})"

    # -- saving ------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return all records as plain data."""
        return {
            "epochs": self.epochs(),
            "logs": [dict(logs) for logs in self._logs],
            "seconds": self._seconds,
            "fallbacks": self.fallbacks(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Replace all records by those of :meth:`state_dict`."""
        self._epochs = [int(epoch) for epoch in state["epochs"]]
        self._logs = [{name: float(value) for name, value in logs.items()} for logs in state["logs"]]
        self._seconds = float(state["seconds"])
        self._fallbacks = [dict(event) for event in state.get("fallbacks", ())]  # older states have none
