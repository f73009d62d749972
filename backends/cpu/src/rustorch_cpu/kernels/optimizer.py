"""Optimizer updates in place: the first operands are both read and written."""

from __future__ import annotations

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.dtypes import DTYPES, REAL
from rustorch_cpu.kernels.operands import address
from rustorch_cpu.native import lib


def sgd_step(out, grad, hyper) -> None:
    """One step of SGD, with momentum if its buffer is given."""
    param, momentum = out
    lib.rt_sgd_step(
        DTYPES[param.dtype.name][0],
        address(param),
        address(momentum),
        address(grad),
        address(hyper),
        param.shape.elements,
    )


def adam_step(out, grad, hyper) -> None:
    """One step of Adam or AdamW; AMSGrad if the largest squares are given."""
    param, exp_avg, exp_avg_sq, max_exp_avg_sq = out
    lib.rt_adam_step(
        DTYPES[param.dtype.name][0],
        address(param),
        address(exp_avg),
        address(exp_avg_sq),
        address(max_exp_avg_sq),
        address(grad),
        address(hyper),
        param.shape.elements,
    )


def kernels() -> list[Kernel]:
    """Both, for float32 and float64."""
    return [Kernel("sgd_step", sgd_step, REAL), Kernel("adam_step", adam_step, REAL)]
