"""Callbacks: things to do while a model trains."""

from rustorch.training.callbacks.base import Callback, CallbackList
from rustorch.training.callbacks.checkpoint import ModelCheckpoint
from rustorch.training.callbacks.csv_logger import CSVLogger
from rustorch.training.callbacks.early_stopping import EarlyStopping
from rustorch.training.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from rustorch.training.callbacks.watchers import History, LambdaCallback, TerminateOnNaN

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]
