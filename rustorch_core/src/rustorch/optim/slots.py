"""What an optimizer remembers per parameter lives where the parameter lives."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rustorch.device import Device
from rustorch.dtypes import float32
from rustorch.ops import creation
from rustorch.ops.optimizer import Hyper, Update


def zeros(p: Any) -> Any:
    """Return a slot of zeros for a parameter."""
    return creation.zeros_like(p.detach())


def settle(p: Any, state: dict[str, Any]) -> None:
    """Move the slots to the device of their parameter, after that has moved."""
    for key, value in state.items():
        if hasattr(value, "device") and value.device is not p.device:
            state[key] = value.to(p.device)


class HyperTable:
    """The tensors of hyper-parameters of one optimizer: one per parameter group and device."""

    def __init__(self, op: Update) -> None:
        self._op = op
        self._made: dict[tuple[int, int], Hyper] = {}

    def holding(self, group: dict[str, Any], device: Device, values: tuple[float, ...]) -> Any:
        """Return the tensor of a group on a device, with these values in it."""
        key = (
            id(group),
            id(device),
        )  # devices are never freed, and a group's tensor holds any group's values
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = Hyper(self._op, device)
        return found.holding(values)

    def leave(self, devices: Collection[Device]) -> None:
        """Forget the tensors on some devices, where no parameter is any more."""
        gone = set(map(id, devices))
        self._made = {key: made for key, made in self._made.items() if key[1] not in gone}


class Together:
    """The steps of one parameter group, those with the same device, dtype and hyper-parameters in one call."""

    def __init__(self, op: Update, hypers: HyperTable, group: dict[str, Any]) -> None:
        self._op, self._hypers, self._group = op, hypers, group
        self._key: tuple[Any, ...] | None = None
        self._changed: list[tuple[Any, ...]] = []
        self._grads: list[Any] = []

    def add(self, changed: tuple[Any, ...], grad: Any, values: tuple[float, ...]) -> None:
        """Take a step of a parameter and its slots, later at the latest in ``run``."""
        p = changed[0]
        key = (values, p.dtype, p.device)
        if key != self._key:
            self.run()
            self._key = key
        self._changed.append(changed)
        self._grads.append(grad)

    def run(self) -> None:
        """Take the steps that are left."""
        if not self._grads:
            return
        values, _, device = self._key  # type: ignore[misc]  # there is one since the first step
        changed, grads = self._changed, self._grads
        self._changed, self._grads = [], []
        self._op.run(changed, grads, self._hypers.holding(self._group, device, values))


def exported(state: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter's state with its step count as a 0-d float32 tensor, as PyTorch saves it."""
    return {
        key: creation.tensor(float(value), dtype=float32, device=_device(state)) if key == "step" else value
        for key, value in state.items()
    }


def _device(state: dict[str, Any]) -> Any:
    return next((value.device for value in state.values() if hasattr(value, "device")), None)
