"""``save_model`` and ``load_model``: architecture and weights in one file that cannot run code."""

from __future__ import annotations

import os
import sys
from typing import Any

from rustorch.base import TensorBase
from rustorch.device import Device
from rustorch.errors import ArgumentTypeError, RusTorchError, SerializationError
from rustorch.nn.module import Module
from rustorch.utils import architecture
from rustorch.utils.architecture import NotDescribableError
from rustorch.utils.storing import read_content, write_content
from rustorch.utils.tree import Encoder

Path = str | os.PathLike[str]


def save_model(model: Any, path: Path) -> None:
    """Write a model to a file in the safetensors format: its layers, its weights, how it was compiled.

    Args:
        model: a ``rustorch.Model`` or any ``nn.Module``.  What is built of layers of ``rustorch.nn``
            and layer strings comes back whole; of a class of your own the weights are written, and
            :func:`load_model` needs an instance to put them into.
        path: replaced at once, when everything has been written; usually ends in ``.rustorch``.

    Raises:
        SerializationError: if the model has no weights yet, or the file cannot be written.

    >>> import rustorch
    >>> from rustorch import nn, utils
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> utils.save_model(model, "model.rustorch")
    >>> again = utils.load_model("model.rustorch")
    >>> bool((again(rustorch.ones(4)) == model(rustorch.ones(4))).all())
    True
    """
    if not isinstance(model, Module):
        raise ArgumentTypeError(f"save_model: a model is required, got {type(model).__name__}")
    if getattr(model, "built", True) is False:
        raise SerializationError(
            "save_model: the model is not built, so it has no weights",
            hint="train it, or call model.build(input_shape) first",
        )
    description, reason = None, ""
    try:
        description = _describe(model)
    except NotDescribableError as error:
        reason = str(error)
    content = {
        "class": f"{type(model).__module__}.{type(model).__qualname__}",
        "description": description,
        "reason": reason,
        "state": dict(model.state_dict(keep_vars=True)),
        "training": model.training,
    }
    write_content("model", content, path)


def load_model(path: Path, model: Any = None, *, device: Device | str | None = None) -> Any:
    """Read a model that :func:`save_model` wrote.

    Args:
        path: the file.
        model: an instance to load the weights into; needed if its class is one of your own.
        device: where the weights of a new model go; the default device if None.

    Returns:
        the model: `model` itself if it was given.

    Raises:
        SerializationError: if the file is missing, damaged, of a newer version or no model, if it needs
            an instance, or does not fit the given one.
    """
    kind, content = read_content(path, device)
    if kind != "model":
        raise SerializationError(
            f"load_model: {path} holds "
            f"{'tensors' if kind in ('tensors', 'object') else f'a {kind}'}, no model",
            hint="rustorch.load(path) reads it; model.load_state_dict(...) takes weights",
        )
    try:
        state, description, training = content["state"], content["description"], content["training"]
        wants_grad = {name: x.requires_grad for name, x in state.items() if isinstance(x, TensorBase)}
        values = {name: x.detach() if name in wants_grad else x for name, x in state.items()}
    except (TypeError, KeyError, AttributeError) as error:
        raise SerializationError(f"load_model: the content of {path} is not valid: {error!r}") from error
    if model is None and description is None:
        raise SerializationError(
            f"load_model: {path} holds the weights of {content.get('class')} ({content.get('reason')})",
            hint="make an instance and give it: load_model(path, model=instance)",
        )
    fresh = model is None
    target = _construct(description) if fresh else model
    try:
        target.load_state_dict(values, assign=fresh)
    except RusTorchError as error:
        raise SerializationError(f"load_model: the weights in {path} do not fit: {error}") from error
    if fresh:
        for name, parameter in target.named_parameters():
            parameter.requires_grad = wants_grad.get(name, True)
        target.train(bool(training))
        if device is not None:
            target.to(device)  # buffers that are no part of the state
        _compile(target, description)
    return target


def _describe(model: Any) -> dict[str, Any]:
    if not _is_keras_like(model):
        return architecture.describe(model)
    layers = []
    for stage in model._stages:
        module = None if stage.text else model._modules[stage.members[0]]
        layers.append(stage.text or architecture.describe(module))
    if not model.is_chain:
        raise NotDescribableError("it has a forward of its own")
    return {"name": model.name, "layers": layers, "input": model._input, "compiled": _compiled(model)}


def _is_keras_like(model: Any) -> bool:
    training = sys.modules.get("rustorch.training.model")
    if training is None or not isinstance(model, training.Model):
        return False  # nothing is one while its module was never imported
    if type(model) is not training.Model:
        raise NotDescribableError("it is a class of its own")
    return True


def _compiled(model: Any) -> dict[str, Any] | None:
    """Return the arguments of ``compile`` if they are names and numbers."""
    if not model.compiled:
        return None
    found = {name: model._compiled[name] for name in ("optimizer", "loss", "metrics", "learning_rate")}
    try:
        encoder = Encoder()
        encoder.encode(found)
    except SerializationError:
        return None
    return None if encoder.tensors else found


def _construct(description: Any) -> Any:
    if not isinstance(description, dict) or "layers" not in description:
        return architecture.construct(description)
    from rustorch.training import Model

    try:
        model = Model(description["name"])
        for layer in description["layers"]:
            model.add(layer if isinstance(layer, str) else architecture.construct(layer))
        built_for = description["input"]
        if built_for is not None:
            with architecture.same_random_numbers():
                model.build([1, *built_for["shape"][1:]], built_for["dtype"])
    except (RusTorchError, TypeError, KeyError, ValueError) as error:
        raise SerializationError(f"load_model: the description makes no model: {error}") from error
    return model


def _compile(model: Any, description: Any) -> None:
    """Compile a ``Model`` as it was; after its weights are in place, which the optimizer holds."""
    arguments = description.get("compiled")
    if arguments is None:
        return
    try:
        model.compile(**arguments)
    except (RusTorchError, TypeError, AttributeError) as error:
        raise SerializationError(f"load_model: the model cannot be compiled as it was: {error}") from error
