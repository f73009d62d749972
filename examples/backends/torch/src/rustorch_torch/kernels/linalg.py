"""Matrix products."""

from __future__ import annotations

import torch
from torch.nn import functional

from rustorch_torch.kernels.build import stored, strided
from rustorch_torch.views import BOOL, COMPLEX, FLOATS, INTEGERS, View, load, write


def matmul(out: View, a: View, b: View) -> None:
    write(out, torch.matmul, load(a), load(b))


def integer_matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """PyTorch multiplies matrices of integers on the host only."""
    if a.device.type == "cpu":
        return torch.matmul(a, b)
    return (a.unsqueeze(-1) * b.unsqueeze(-3)).sum(-2, dtype=a.dtype)


KERNELS = [
    strided("matmul", matmul, FLOATS | COMPLEX),
    stored("matmul", integer_matmul, INTEGERS),
    # bool: or of ands
    stored("matmul", lambda a, b: integer_matmul(a.int(), b.int()) != 0, BOOL),
    stored("linear", functional.linear, FLOATS),
]
