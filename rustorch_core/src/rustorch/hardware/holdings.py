"""What models, optimizers and the like hold: every tensor once, with a name for messages."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from rustorch.base import TensorBase
from rustorch.device import Device
from rustorch.errors import ArgumentTypeError
from rustorch.nn import Module
from rustorch.nn.parameter import UninitializedTensor
from rustorch.optim.slots import HyperTable
from rustorch.rng import Generator

#: Objects of classes from these packages, and of classes derived from them, are looked into.
_PACKAGES = ("rustorch.nn.", "rustorch.optim.", "rustorch.training.")
_SEQUENCES = (list, tuple, set, frozenset, deque)


class Holdings:
    """Everything that is reachable from some objects, through attributes, dicts and sequences.

    Attributes:
        tensors: each tensor once, gradients included, in the order found.
        lazy: parameters and buffers that have a device and no elements yet.
        holders: the modules, optimizers, schedules and parts of a training run.
        hypers: the optimizers' tables of hyper-parameters, which are made anew on each device.
        generators: the streams of random numbers.
    """

    def __init__(self, things: Iterable[Any], what: str, *, gradients: bool = True) -> None:
        """Look through things.

        Args:
            things: what to look through.
            what: the caller, for errors.
            gradients: whether the gradients of tensors count.

        Raises:
            ArgumentTypeError: for a thing that can hold no tensor.
        """
        self._gradients = gradients
        self.tensors: list[Any] = []
        self.lazy: list[Any] = []
        self.holders: list[Any] = []
        self.hypers: list[HyperTable] = []
        self.generators: list[Generator] = []
        self._names: dict[int, str] = {}
        self._seen: dict[int, Any] = {}  # keeps what was seen alive, so that an id stays its own
        named = [(_label(thing, number), thing) for number, thing in enumerate(things, 1)]
        for label, thing in named:
            if not isinstance(thing, (TensorBase, Generator, dict, *_SEQUENCES)) and not _is_holder(thing):
                raise ArgumentTypeError(
                    f"{what}: {label} must be a module, an optimizer, a schedule, a trainer, a tensor, "
                    f"or a dict or list of these, got {type(thing).__name__}"
                )
        # modules first, so that a parameter is called by its name in the model
        for label, thing in sorted(named, key=lambda pair: not isinstance(pair[1], Module)):
            self._visit(thing, label)

    def name(self, x: Any) -> str:
        """Return what a tensor is called, such as ``Sequential.0.weight``."""
        return self._names.get(id(x), "a tensor")

    def naming(self, devices: tuple[Device, ...]) -> Iterator[tuple[Any, str]]:
        """Yield the holders' attributes that name one of some devices."""
        for holder in self.holders:
            for name, value in vars(holder).items():
                if isinstance(value, Device) and value in devices:
                    yield holder, name

    def _visit(self, value: Any, path: str) -> None:
        if id(value) in self._seen:
            return
        if isinstance(value, TensorBase):
            self._seen[id(value)] = value
            self._names[id(value)] = path
            (self.lazy if isinstance(value, UninitializedTensor) else self.tensors).append(value)
            if self._gradients and value.grad_ is not None:
                self._visit(value.grad_, f"{path}.grad")
        elif isinstance(value, dict):
            self._seen[id(value)] = value
            for key, item in list(value.items()):
                self._visit(key, f"a key of {path}")
                self._visit(item, f"{path}[{self._names.get(id(key)) or repr(key)}]")
        elif isinstance(value, _SEQUENCES):
            self._seen[id(value)] = value
            for number, item in enumerate(list(value)):
                self._visit(item, f"{path}[{number}]")
        elif isinstance(value, Generator):
            self._seen[id(value)] = value
            self.generators.append(value)
        elif _is_holder(value):
            self._seen[id(value)] = value
            self.holders.append(value)
            if isinstance(value, HyperTable):
                self.hypers.append(value)  # what it holds can be made again, and differs between devices
            else:
                self._visit_attributes(value, path)

    def _visit_attributes(self, holder: Any, path: str) -> None:
        attributes = vars(holder)
        if isinstance(holder, Module):
            for kind in ("_parameters", "_buffers", "_modules"):
                for name, item in list(attributes[kind].items()):
                    self._visit(item, f"{path}.{name}")
        for name, item in list(attributes.items()):
            self._visit(item, f"{path}.{name}")


def _label(thing: Any, number: int) -> str:
    return type(thing).__name__ if _is_holder(thing) else f"argument {number}"


def _is_holder(value: Any) -> bool:
    if isinstance(value, type) or not hasattr(value, "__dict__"):
        return False
    return any(f"{base.__module__}.".startswith(_PACKAGES) for base in type(value).__mro__)
