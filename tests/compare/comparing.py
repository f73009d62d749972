"""Give a module of ours the parameters of PyTorch's and compare results and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import rustorch


def same_parameters(ours: Any, theirs: torch.nn.Module, dtype: str = "float64") -> None:
    """Load `theirs` into `ours`; names and order must agree."""
    theirs.to(getattr(torch, dtype))
    ours.to(dtype)
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    ours.load_state_dict({n: rustorch.tensor(v.numpy()) for n, v in theirs.state_dict().items()})


def arrays(value: Any) -> list[np.ndarray]:
    """Return the tensors in nested tuples as arrays."""
    if value is None:
        return []
    if isinstance(value, (tuple, list)):
        return [a for v in value for a in arrays(v)]
    return [value.detach().numpy()]


def close(a: Any, b: Any, tolerance: float = 1e-10) -> None:
    """Check that two nested results agree."""
    first, second = arrays(a), arrays(b)
    assert len(first) == len(second)
    for x, y in zip(first, second, strict=True):
        assert x.shape == y.shape
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


def compare(
    ours: Any,
    theirs: Any,
    inputs: list[np.ndarray],
    *,
    call: Callable[..., Any] = lambda module, *xs: module(*xs),
    tolerance: float = 1e-10,
) -> None:
    """Compare results, gradients of the inputs and of the parameters; `call` runs the module."""
    mine = [rustorch.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    yours = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    results = [list(flat(call(m, *xs))) for m, xs in ((ours, mine), (theirs, yours))]
    close(results[0], results[1], tolerance)
    for values in results:
        floats = [v for v in values if v.is_floating_point() and v.requires_grad]
        sum((v.sin() * (i + 1)).sum() for i, v in enumerate(floats)).backward()
    for x, y in zip(mine, yours, strict=True):
        if y.grad is not None:
            close(x.grad, y.grad, tolerance)
    if isinstance(theirs, torch.nn.Module):
        for (name, p), (_, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            assert (p.grad is None) == (q.grad is None), name
            if q.grad is not None:
                close(p.grad, q.grad, tolerance)


def flat(value: Any) -> Any:
    """Yield the tensors in nested tuples."""
    if isinstance(value, (tuple, list)):
        for v in value:
            yield from flat(v)
    elif value is not None:
        yield value
