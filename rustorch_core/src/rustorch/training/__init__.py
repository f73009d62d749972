"""Training in a few lines: ``Model`` in the manner of Keras, ``Trainer``, metrics and callbacks."""

from rustorch.training.builder import ModelBuilder
from rustorch.training.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from rustorch.training.config import TrainerConfig
from rustorch.training.errors import TrainingError
from rustorch.training.history import TrainingHistory
from rustorch.training.layers import layer_names
from rustorch.training.losses import LOSSES
from rustorch.training.metrics import (
    F1,
    MAE,
    METRICS,
    MSE,
    RMSE,
    Accuracy,
    Metric,
    Precision,
    Recall,
    TopKAccuracy,
    confusion_matrix,
)
from rustorch.training.model import Model
from rustorch.training.trainer import Trainer

__all__ = [
    "F1",
    "LOSSES",
    "MAE",
    "METRICS",
    "MSE",
    "RMSE",
    "Accuracy",
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "Metric",
    "Model",
    "ModelBuilder",
    "ModelCheckpoint",
    "Precision",
    "Recall",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
    "TopKAccuracy",
    "Trainer",
    "TrainerConfig",
    "TrainingError",
    "TrainingHistory",
    "confusion_matrix",
    "layer_names",
]
