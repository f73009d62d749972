"""What an optimizer remembers per parameter lives where the parameter lives."""

from __future__ import annotations

from typing import Any

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


class HyperTable(dict[Any, Hyper]):
    """The tensors of hyper-parameters of one optimizer, by parameter group and device."""

    def __init__(self, op: Update) -> None:
        super().__init__()
        self.op = op

    def __missing__(self, key: tuple[int, Any]) -> Hyper:
        made = self[key] = Hyper(self.op, key[1])
        return made


def exported(state: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter's state with its step count as a 0-d float32 tensor, as PyTorch saves it."""
    return {
        key: creation.tensor(float(value), dtype=float32, device=_device(state)) if key == "step" else value
        for key, value in state.items()
    }


def _device(state: dict[str, Any]) -> Any:
    return next((value.device for value in state.values() if hasattr(value, "device")), None)
