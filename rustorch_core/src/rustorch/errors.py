"""The errors of RusTorch: a small tree, each class also the built-in that a Python user would catch.

The text has one form: ``op: requirement, got values``, then a ``Hint:`` line where there is a usual fix.
"""

from __future__ import annotations


class RusTorchError(Exception):
    """Base of every error that RusTorch raises on purpose."""

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        super().__init__(f"{message}\nHint: {hint}" if hint else message)
        self.hint = hint


class TensorError(RusTorchError, RuntimeError):
    """An operation on tensors that cannot be done."""


class ShapeError(TensorError, ValueError):
    """Shapes, dims or sizes do not fit."""


class DTypeError(TensorError, TypeError):
    """A dtype is unknown, missing on the device, or not allowed for the operation."""


class ArgumentError(RusTorchError, ValueError):
    """An argument has the right type and a value that is not allowed."""


class ArgumentTypeError(RusTorchError, TypeError):
    """An argument has the wrong type, or there are too many or too few."""


class OutOfBoundsError(TensorError, IndexError):
    """An index lies outside its dimension."""


class AutogradError(TensorError):
    """Differentiation was asked for where it is not possible."""


class DeviceError(RusTorchError, RuntimeError):
    """A device or backend is missing, cannot be opened, or failed."""


class DeviceIndexError(DeviceError, IndexError):
    """The backend exists, a device with this index does not."""


class OutOfMemoryError(DeviceError, MemoryError):
    """A device has no memory left for an allocation."""


class DeviceLostError(DeviceError):
    """A device stopped working; its memory is gone."""


class MissingKernelError(DeviceError, NotImplementedError):
    """No kernel and no allowed fallback for this op, dtype and device."""


class PluginError(RusTorchError, RuntimeError):
    """A plugin was refused or misbehaved."""


class SerializationError(RusTorchError, ValueError):
    """A file cannot be written or read as what it claims to be."""


class MissingPackageError(RusTorchError, ImportError):
    """An optional package is needed; the hint says what to install."""


class WorkerError(RusTorchError, RuntimeError):
    """A worker process of a data loader died, or failed in a way that cannot be raised here as it was."""


class WorkerTimeoutError(WorkerError, TimeoutError):
    """No batch came from the workers of a data loader in time."""
