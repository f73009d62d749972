"""Checkpoints: everything that a run needs to go on with the same bits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from rustorch import rng
from rustorch.base import TensorBase
from rustorch.device import Device
from rustorch.errors import ArgumentError, SerializationError
from rustorch.utils.storing import read_content, write_content

Path = str | os.PathLike[str]
_PARTS = ("model", "optimizer", "scheduler")


def save_checkpoint(
    model: Any,
    optimizer: Any,
    epoch: int,
    loss: Any,
    path: Path,
    scheduler: Any = None,
    extra: Any = None,
) -> None:
    """Write the state of a training run to a file in the safetensors format.

    Args:
        model: anything with ``state_dict()``.
        optimizer: the same, or None.
        epoch: how many epochs are done.
        loss: a number, or a tensor of one element.
        path: replaced at once, when everything has been written: a crash leaves the old file.
        scheduler: anything with ``state_dict()``, or None.
        extra: more tensors and plain data.

    The position of the default random generator is written as well, so that a resumed run draws the
    same numbers.  No device is: a checkpoint of one kind of hardware goes on with another.

    Raises:
        SerializationError: if a state holds anything but tensors and plain data, or writing fails.
    """
    content = {
        "model": model.state_dict(),
        "optimizer": None if optimizer is None else optimizer.state_dict(),
        "scheduler": None if scheduler is None else scheduler.state_dict(),
        "epoch": epoch,
        "loss": loss.item() if isinstance(loss, TensorBase) else loss,
        "rng": rng.get_rng_state(),
        "extra": extra,
    }
    write_content("checkpoint", content, path)


def load_checkpoint(
    path: Path,
    model: Any = None,
    optimizer: Any = None,
    scheduler: Any = None,
    *,
    device: Device | str | None = None,
) -> dict[str, Any]:
    """Read a checkpoint; put the states into the given objects.

    Args:
        path: the file.
        model: takes its state, if given; likewise `optimizer` and `scheduler`.
        optimizer: see `model`.
        scheduler: see `model`.
        device: where the returned tensors are; the default device if None.

    Returns:
        ``{"model", "optimizer", "scheduler", "epoch", "loss", "rng", "extra"}``.  If any object is given,
        the default random generator goes back to where it stood; else nothing is changed.

    Raises:
        SerializationError: if the file is missing, damaged, of a newer version or no checkpoint.
        ArgumentError: if an object is given whose state was not saved.
    """
    kind, content = read_content(path, device)
    if kind != "checkpoint" or not isinstance(content, Mapping) or not {*_PARTS, "rng"} <= content.keys():
        raise SerializationError(f"load_checkpoint: {path} is no checkpoint")
    given = [
        (name, x) for name, x in zip(_PARTS, (model, optimizer, scheduler), strict=True) if x is not None
    ]
    for name, _ in given:
        if content[name] is None:
            raise ArgumentError(f"load_checkpoint: {path} holds no state of the {name}")
    for name, target in given:
        target.load_state_dict(content[name])
    if given:
        rng.set_rng_state(content["rng"])
    return dict(content)
