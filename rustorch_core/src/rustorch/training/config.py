"""``TrainerConfig``: how a ``Trainer`` trains."""

from __future__ import annotations

from typing import Any

from rustorch.device import Device
from rustorch.errors import ArgumentError
from rustorch.training.checks import above_zero, count


class _Number(int):
    """An int that can also be called, so that ``config.epochs`` and ``config.epochs()`` are the same."""

    def __call__(self) -> int:
        return int(self)


class _Switch(int):
    """A truth value that can also be called."""

    def __call__(self) -> bool:
        return bool(self)

    def __repr__(self) -> str:
        return repr(bool(self))


class TrainerConfig:
    """How a :class:`Trainer` trains.

    Args:
        epochs: how often it goes over the training data.
        learning_rate: overrides the optimizer's; None leaves it.
        batch_size: for data that comes as a Dataset or arrays (32 if None).
        log_frequency: batches between readings of the loss, which wait for the device.
        validation_frequency: epochs between validations; the last epoch is always validated.
        gradient_clip_value: gradients are clipped to [-value, value]; None leaves them.
        device: where to train; None means where the model is.
        use_mixed_precision: not available yet, so True is an error.
        accumulation_steps: batches per update; their gradient is that of one batch of all their samples.

    >>> from rustorch.training import TrainerConfig
    >>> config = TrainerConfig(epochs=50, learning_rate=0.001)
    >>> config.epochs, config.epochs(), config.validation_frequency
    (50, 50, 1)
    """

    def __init__(
        self,
        epochs: int = 10,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        log_frequency: int = 10,
        validation_frequency: int = 1,
        gradient_clip_value: float | None = None,
        device: Any = None,
        use_mixed_precision: bool = False,
        accumulation_steps: int = 1,
    ) -> None:
        self.set_epochs(epochs)
        self.learning_rate = _optional("learning_rate", learning_rate)
        self.batch_size = None if batch_size is None else count("TrainerConfig", "batch_size", batch_size)
        self.log_frequency = count("TrainerConfig", "log_frequency", log_frequency)
        self.validation_frequency = count("TrainerConfig", "validation_frequency", validation_frequency)
        self.gradient_clip_value = _optional("gradient_clip_value", gradient_clip_value)
        self.set_device(device)
        self.set_mixed_precision(use_mixed_precision)
        self.accumulation_steps = count("TrainerConfig", "accumulation_steps", accumulation_steps)

    def set_epochs(self, epochs: int) -> None:
        """Set the number of epochs."""
        self.epochs = _Number(count("TrainerConfig", "epochs", epochs))

    def set_device(self, device: Any) -> None:
        """Set where to train; None means where the model is."""
        self.device = None if device is None else Device(device)

    def set_mixed_precision(self, use_mixed_precision: bool) -> None:
        """Accept False only, until there is mixed precision."""
        if use_mixed_precision:
            raise ArgumentError(
                "TrainerConfig: use_mixed_precision is not available yet",
                hint="train in float32, or convert the whole model with model.to('bfloat16')",
            )
        self.use_mixed_precision = _Switch(False)

    def __repr__(self) -> str:
        return f"TrainerConfig({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


def _optional(name: str, value: Any) -> float | None:
    return None if value is None else above_zero("TrainerConfig", name, value)
