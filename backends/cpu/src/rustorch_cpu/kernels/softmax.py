"""Softmax, log-softmax and cross-entropy, with their backward ops."""

from __future__ import annotations

from rustorch.dispatch.contract import Kernel
from rustorch.errors import OutOfBoundsError
from rustorch_cpu.dtypes import DTYPES, REAL
from rustorch_cpu.kernels.elementwise import KernelFunction
from rustorch_cpu.kernels.operands import address, around
from rustorch_cpu.native import lib
from rustorch_cpu.status import raise_status

ROW_OPS = {
    "softmax": lib.RT_SOFTMAX,
    "log_softmax": lib.RT_LOG_SOFTMAX,
    "softmax_backward": lib.RT_SOFTMAX_BACKWARD,
    "log_softmax_backward": lib.RT_LOG_SOFTMAX_BACKWARD,
}


def _row_op(op: str, op_id: int) -> KernelFunction:
    def kernel(out, a, b=None, *, dim):
        dtype_id = DTYPES[out.dtype.name][0]
        status = lib.rt_row_map(op_id, dtype_id, address(out), address(a), address(b), *around(a.shape, dim))
        if status:
            raise_status(op, status)

    return kernel


def _check_target(op: str, status: int) -> None:
    if status == lib.RT_INDEX_OUT_OF_RANGE:
        target, classes = lib.rt_error_value(), lib.rt_error_size()
        raise OutOfBoundsError(f"{op}: target {target} is out of bounds for {classes} classes")
    if status:
        raise_status(op, status)


def cross_entropy(out, logits, target, weight=None, *, ignore_index) -> None:
    """Loss per row, and the log-softmax that the backward op needs."""
    loss, log_probs = out
    rows, classes = logits.shape
    status = lib.rt_cross_entropy(
        DTYPES[logits.dtype.name][0],
        address(loss),
        address(log_probs),
        address(logits),
        address(target),
        address(weight),
        rows,
        classes,
        ignore_index,
    )
    _check_target("cross_entropy", status)


def cross_entropy_mean(out, logits, target, weight=None, *, ignore_index) -> None:
    """The mean of the losses over the rows that count, the log-softmax, and the weight of these rows."""
    loss, log_probs, divisor = out
    rows, classes = logits.shape
    status = lib.rt_cross_entropy_mean(
        DTYPES[logits.dtype.name][0],
        loss.address,
        log_probs.address,
        divisor.address,
        logits.address,
        target.address,
        address(weight),
        rows,
        classes,
        ignore_index,
    )
    _check_target("cross_entropy", status)


def cross_entropy_backward(out, g, log_probs, target, weight=None, *, ignore_index) -> None:
    """``(softmax - one_hot(target)) * weight[target] * g`` per row."""
    rows, classes = log_probs.shape
    status = lib.rt_cross_entropy_backward(
        DTYPES[log_probs.dtype.name][0],
        address(out),
        address(g),
        address(log_probs),
        address(target),
        address(weight),
        rows,
        classes,
        ignore_index,
    )
    _check_target("cross_entropy_backward", status)


def kernels() -> list[Kernel]:
    """All of them, for float32 and float64."""
    return [
        *(Kernel(op, _row_op(op, op_id), REAL) for op, op_id in ROW_OPS.items()),
        Kernel("cross_entropy", cross_entropy, REAL),
        Kernel("cross_entropy_mean", cross_entropy_mean, REAL),
        Kernel("cross_entropy_backward", cross_entropy_backward, REAL),
    ]
