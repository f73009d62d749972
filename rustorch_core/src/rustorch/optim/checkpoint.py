"""Saving and restoring an optimizer, in PyTorch's format."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from rustorch.base import TensorBase
from rustorch.errors import ArgumentError

if TYPE_CHECKING:
    from rustorch.optim.optimizer import Optimizer

#: The kinds of hooks of an optimizer.
HOOKS = (
    "step_pre",
    "step_post",
    "state_dict_pre",
    "state_dict_post",
    "load_state_dict_pre",
    "load_state_dict_post",
)


def _numbers(groups: list[dict[str, Any]]) -> dict[int, int]:
    """Return the number of each parameter by its identity."""
    return {id(p): i for i, p in enumerate(p for group in groups for p in group["params"])}


def _run(optimizer: Optimizer, kind: str, *args: Any) -> Any:
    """Call hooks of a kind; each may replace the last argument, which is returned."""
    for hook in list(optimizer._hooks[kind].values()):
        changed = hook(optimizer, *args)
        if changed is not None and args:
            args = (changed,)
    return args[0] if args else None


def state_dict(optimizer: Optimizer) -> dict[str, Any]:
    """Return options and state; see :meth:`Optimizer.state_dict`."""
    _run(optimizer, "state_dict_pre")
    numbers = _numbers(optimizer.param_groups)
    groups = [
        {
            **{key: value for key, value in group.items() if key != "params"},
            "params": [numbers[id(p)] for p in group["params"]],
        }
        for group in optimizer.param_groups
    ]
    state = {
        numbers[id(key)] if isinstance(key, TensorBase) else key: optimizer.exported(value)
        for key, value in optimizer.state.items()
    }
    return _run(optimizer, "state_dict_post", {"state": state, "param_groups": groups})  # type: ignore[no-any-return]


def load_state_dict(optimizer: Optimizer, given: dict[str, Any]) -> None:
    """Take over options and state; see :meth:`Optimizer.load_state_dict`."""
    given = _run(optimizer, "load_state_dict_pre", dict(given))
    name = type(optimizer).__name__
    for key in ("state", "param_groups"):
        if key not in given:
            raise ArgumentError(f"{name}.load_state_dict: the key {key!r} is required, got {sorted(given)}")
    groups, own = given["param_groups"], optimizer.param_groups
    if len(groups) != len(own):
        raise ArgumentError(
            f"{name}.load_state_dict: {len(own)} parameter groups are required, got {len(groups)}"
        )
    for i, (theirs, ours) in enumerate(zip(groups, own, strict=True)):
        if len(theirs["params"]) != len(ours["params"]):
            raise ArgumentError(
                f"{name}.load_state_dict: group {i} has {len(ours['params'])} parameters, "
                f"got {len(theirs['params'])}"
            )
    by_number = {
        number: p
        for theirs, ours in zip(groups, own, strict=True)
        for number, p in zip(theirs["params"], ours["params"], strict=True)
    }
    state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
    for number, value in given["state"].items():
        p = by_number.get(number)
        if p is None:
            state[number] = copy.deepcopy(value)
        else:
            state[p] = {key: _like(p, key, item) for key, item in value.items()}
    new_groups = [
        {**copy.deepcopy({k: v for k, v in theirs.items() if k != "params"}), "params": ours["params"]}
        for theirs, ours in zip(groups, own, strict=True)
    ]
    for new, old in zip(new_groups, own, strict=True):
        for key in ("param_names", *optimizer.defaults):  # a file of an older version may lack an option
            if key in old:
                new.setdefault(key, old[key])
        optimizer.check(new)
    kept = {key: optimizer.__dict__[key] for key in ("_hooks", "_opt_called")}
    optimizer.__setstate__({"state": state, "param_groups": new_groups, **kept})
    _run(optimizer, "load_state_dict_post")


def _like(p: Any, key: str, value: Any) -> Any:
    """Return a copy of one entry of a parameter's state, in its dtype and on its device."""
    if key == "step":
        return int(value)
    if isinstance(value, TensorBase):
        dtype = p.dtype if p.dtype.is_floating_point and value.dtype.is_floating_point else value.dtype
        return value.detach().to(device=p.device, dtype=dtype, copy=True)
    if isinstance(value, dict):
        return {k: _like(p, k, v) for k, v in value.items()}
    return copy.deepcopy(value)
