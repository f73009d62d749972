"""Metrics: numbers about predictions, gathered batch by batch and exact over all of them."""

from rustorch.training.metrics.accuracy import Accuracy, TopKAccuracy
from rustorch.training.metrics.base import FunctionMetric, Metric
from rustorch.training.metrics.classification import F1, Precision, Recall, confusion_matrix
from rustorch.training.metrics.names import METRICS, metric, metrics_of
from rustorch.training.metrics.regression import MAE, MSE, RMSE

__all__ = [
    "F1",
    "MAE",
    "METRICS",
    "MSE",
    "RMSE",
    "Accuracy",
    "FunctionMetric",
    "Metric",
    "Precision",
    "Recall",
    "TopKAccuracy",
    "confusion_matrix",
    "metric",
    "metrics_of",
]
