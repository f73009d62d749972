"""Schedules of the learning rate, with PyTorch's names and numbers."""

from rustorch.optim.lr_scheduler.base import LRScheduler
from rustorch.optim.lr_scheduler.combined import ChainedScheduler, SequentialLR
from rustorch.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from rustorch.optim.lr_scheduler.one_cycle import OneCycleLR
from rustorch.optim.lr_scheduler.plateau import ReduceLROnPlateau
from rustorch.optim.lr_scheduler.ramps import (
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    PolynomialLR,
)
from rustorch.optim.lr_scheduler.steps import ConstantLR, MultiStepLR, StepLR

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]

_LRScheduler = LRScheduler  # PyTorch's older name
