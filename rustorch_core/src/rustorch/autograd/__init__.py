"""Automatic differentiation: the engine that walks the tape, modes, custom functions, checks."""

from rustorch.autograd import inplace
from rustorch.autograd.engine import backward, grad
from rustorch.autograd.function import Function
from rustorch.autograd.gradcheck import gradcheck, gradgradcheck
from rustorch.autograd.hooks import HookHandle, register_accumulate_hook, register_tensor_hook, retain_grad
from rustorch.autograd.modes import (
    detect_anomaly,
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_detect_anomaly,
    set_grad_enabled,
)
from rustorch.autograd.variable import Variable

__all__ = [
    "Function",
    "HookHandle",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "inplace",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "register_accumulate_hook",
    "register_tensor_hook",
    "retain_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]
