"""Comparing derivatives with finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rustorch.autograd.engine import grad
from rustorch.autograd.modes import no_grad
from rustorch.base import TensorBase
from rustorch.dtypes import float64
from rustorch.errors import AutogradError


class GradcheckError(AutogradError):
    """A derivative does not agree with finite differences."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Check the derivative of `func` at `inputs` against central differences, element by element.

    Args:
        func: returns a tensor or several.
        inputs: a tensor or several arguments; those that require grad must be float64.
        eps: the step of the differences.
        atol: absolute tolerance.
        rtol: relative tolerance.
        raise_exception: raise instead of returning False.

    Raises:
        GradcheckError: if they differ; says which output and input, and shows both Jacobians.
    """
    args = (inputs,) if isinstance(inputs, TensorBase) else tuple(inputs)
    checked = [i for i, x in enumerate(args) if isinstance(x, TensorBase) and x.needs_grad]
    if not checked:
        raise GradcheckError("gradcheck: at least one input must require grad")
    for i in checked:
        if args[i].dtype is not float64:
            raise GradcheckError(f"gradcheck: input {i} must be float64, got {args[i].dtype.name}")
    outputs = _differentiable(func(*args))
    analytic = [_analytic(out, [args[i] for i in checked]) for out in outputs]
    for column, i in enumerate(checked):
        for position, expected in enumerate(_numeric(func, args, i, eps)):
            found = analytic[position][column]
            if not np.allclose(found, expected, rtol=rtol, atol=atol, equal_nan=True):
                if not raise_exception:
                    return False
                worst = float(np.nanmax(np.abs(found - expected), initial=0.0))
                raise GradcheckError(
                    f"gradcheck: output {position} with respect to input {i} differs by {worst:.3g}\n"
                    f"analytic:\n{found}\nnumeric:\n{expected}"
                )
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Check the second derivative of `func`: :func:`gradcheck` of its gradient."""
    args = (inputs,) if isinstance(inputs, TensorBase) else tuple(inputs)
    outputs = _differentiable(func(*args))
    if grad_outputs is None:
        rng = np.random.default_rng(0)
        grad_outputs = [
            o.detach().new_tensor(rng.uniform(0.5, 1.5, tuple(o.shape))).requires_grad_() for o in outputs
        ]
    given = [grad_outputs] if isinstance(grad_outputs, TensorBase) else list(grad_outputs)
    count = len(args)

    def first_derivative(*everything: Any) -> Any:
        xs, gs = everything[:count], everything[count:]
        wanted = [x for x in xs if isinstance(x, TensorBase) and x.needs_grad]
        found = grad(_differentiable(func(*xs)), wanted, gs, create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None and g.needs_grad)

    if not first_derivative(*args, *given):
        return True  # a constant derivative has nothing to differentiate
    return gradcheck(first_derivative, (*args, *given), eps, atol, rtol, raise_exception)


def _differentiable(outputs: Any) -> list[Any]:
    listed = [outputs] if isinstance(outputs, TensorBase) else list(outputs)
    return [o for o in listed if isinstance(o, TensorBase) and o.needs_grad]


def _analytic(out: Any, inputs: list[Any]) -> list[np.ndarray[Any, Any]]:
    size = out.shape.elements
    rows = [np.zeros((size, x.shape.elements)) for x in inputs]
    for row in range(size):
        seed = np.zeros(size)
        seed[row] = 1.0
        g = out.detach().new_tensor(seed.reshape(tuple(out.shape)))
        for target, found in zip(
            rows, grad(out, inputs, g, retain_graph=True, allow_unused=True), strict=True
        ):
            if found is not None:
                target[row] = found.to_numpy().reshape(-1)
    return rows


def _numeric(
    func: Callable[..., Any], args: tuple[Any, ...], i: int, eps: float
) -> list[np.ndarray[Any, Any]]:
    """Return the Jacobian of every output by argument i: each step is evaluated once for all of them."""
    values = args[i].to_numpy().copy().reshape(-1)
    shape = tuple(args[i].shape)

    def at(flat: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
        moved = args[i].detach().new_tensor(flat.reshape(shape)).requires_grad_()
        outputs = _differentiable(func(*args[:i], moved, *args[i + 1 :]))
        with no_grad():
            return [out.to_numpy().astype(np.float64).reshape(-1) for out in outputs]

    jacobians = [np.zeros((out.size, values.size)) for out in at(values)]
    for k in range(values.size):
        step = np.zeros_like(values)
        step[k] = eps
        for jacobian, above, below in zip(jacobians, at(values + step), at(values - step), strict=True):
            jacobian[:, k] = (above - below) / (2 * eps)
    return jacobians
