"""From what a user gives for an optimizer to an optimizer."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from rustorch import optim
from rustorch.errors import ArgumentError, ArgumentTypeError
from rustorch.training.errors import TrainingError, did_you_mean

#: Learning rates for names without one: Keras's.
_DEFAULT_RATES = {"sgd": 0.01, "adagrad": 0.01, "rmsprop": 0.001}
_NAME_KEYS = ("name", "type", "class_name")


def optimizer_classes() -> dict[str, Any]:
    """Return the optimizers that a name can mean, by lower-case name."""
    return {
        name.lower(): value
        for name, value in vars(optim).items()
        if inspect.isclass(value) and issubclass(value, optim.Optimizer) and value is not optim.Optimizer
    }


def check(spec: Any) -> None:
    """Check what was given to ``compile`` as far as possible without parameters."""
    if isinstance(spec, str):
        _class_of(spec)
    elif isinstance(spec, dict):
        _from_dict(spec)
    elif not (isinstance(spec, optim.Optimizer) or callable(spec)):
        raise ArgumentTypeError(
            f"compile: optimizer must be a name, a dict, an Optimizer or its class, got {type(spec).__name__}"
        )


def make(spec: Any, parameters: Iterable[Any], learning_rate: float | None = None) -> Any:
    """Return the optimizer that `spec` describes, for these parameters.

    Args:
        spec: a name (``"adam"``), a dict with a name and options (``{"name": "sgd", "lr": 0.1}``), an
            optimizer class, a function of the parameters, or an optimizer.
        parameters: what it should change.
        learning_rate: overrides the one of `spec`.
    """
    check(spec)
    params = [p for p in parameters if p.requires_grad]
    if isinstance(spec, optim.Optimizer):
        _check_holds(spec, params)
        if learning_rate is not None:
            set_learning_rate(spec, learning_rate)
        return spec
    if not params:
        raise TrainingError(
            "compile: the model has no parameters that require grad, so there is nothing to train"
        )
    kind, options = spec, {}
    if isinstance(spec, str):
        kind = _class_of(spec)
        options = {"lr": _DEFAULT_RATES[spec.lower()]} if spec.lower() in _DEFAULT_RATES else {}
    elif isinstance(spec, dict):
        kind, options = _from_dict(spec)
    if learning_rate is not None and isinstance(kind, type):
        options["lr"] = _rate(learning_rate)
    try:
        made = kind(params, **options)
    except TypeError as error:
        raise ArgumentError(f"compile: optimizer {getattr(kind, '__name__', kind)}: {error}") from error
    if not isinstance(made, optim.Optimizer):
        raise ArgumentTypeError(
            f"compile: an Optimizer was expected, {kind!r} returned {type(made).__name__}"
        )
    if learning_rate is not None:
        set_learning_rate(made, learning_rate)
    return made


def set_learning_rate(optimizer: Any, rate: float) -> None:
    """Set the learning rate of every parameter group."""
    rate = _rate(rate)
    for group in optimizer.param_groups:
        group["lr"] = rate


def _rate(value: Any) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not value >= 0
        or value == float("inf")
    ):
        raise ArgumentError(f"learning_rate: a finite number of at least 0 is required, got {value!r}")
    return float(value)


def _class_of(name: str) -> Any:
    classes = optimizer_classes()
    if name.lower() not in classes:
        raise ArgumentError(
            f"compile: no optimizer {name!r}{did_you_mean(name, classes)}",
            hint=f"the optimizers are {', '.join(sorted(classes))}",
        )
    return classes[name.lower()]


def _from_dict(spec: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    options = dict(spec)
    name = next((options.pop(key) for key in _NAME_KEYS if key in options), None)
    if not isinstance(name, str):
        raise ArgumentError(
            f'compile: an optimizer dict needs a name, such as {{"name": "adam"}}, got {spec!r}'
        )
    if "learning_rate" in options:
        options["lr"] = options.pop("learning_rate")
    kind = _class_of(name)
    known = list(inspect.signature(kind).parameters)
    for option in options:
        if option not in known:
            raise ArgumentError(
                f"compile: optimizer {name}: no option {option!r}{did_you_mean(option, known[1:])}"
            )
    if name.lower() in _DEFAULT_RATES:
        options.setdefault("lr", _DEFAULT_RATES[name.lower()])
    return kind, options


def _check_holds(optimizer: Any, params: list[Any]) -> None:
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if params and not any(id(p) in held for p in params):
        raise TrainingError(
            "compile: the optimizer holds none of the model's parameters",
            hint="give a name or a class; the model's parameters may not exist before its first batch",
        )
