"""The state of a training run: what it takes to go on with the same bits."""

from __future__ import annotations

from typing import Any

from rustorch.errors import SerializationError
from rustorch.rng import get_rng_state, set_rng_state
from rustorch.training.history import TrainingHistory

_KEYS = ("model", "optimizer", "epoch", "rng", "history", "callbacks")


def _copied(value: Any) -> Any:
    """Return nested dicts and lists with every tensor copied, since training changes them in place."""
    if hasattr(value, "clone"):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_copied(item) for item in value)
    return value


def capture(model: Any, optimizer: Any, history: TrainingHistory, callbacks: Any = ()) -> dict[str, Any]:
    """Return the state of a run between two epochs.

    It holds the weights, the optimizer's slots, the position of the default random generator (weights,
    dropout and shuffling draw from it), the history, and what the callbacks remember.
    """
    done = history.epochs()
    return {
        "model": _copied(model.state_dict()),
        "optimizer": _copied(optimizer.state_dict()),
        "epoch": done[-1] if done else 0,
        "rng": get_rng_state(),
        "history": history.state_dict(),
        "callbacks": [_copied(callback.state_dict()) for callback in callbacks],
    }


def check(state: Any) -> None:
    """Refuse anything but a state of :func:`capture`."""
    missing = [key for key in _KEYS if key not in state] if isinstance(state, dict) else list(_KEYS)
    if missing:
        raise SerializationError(
            f"training state: expected what training_state() returned, {', '.join(missing)} missing"
        )


def restore(state: dict[str, Any], model: Any, optimizer: Any, callbacks: Any = ()) -> TrainingHistory:
    """Put a model and its optimizer into a state; return the history so far.

    Raises:
        SerializationError: if it is no such state, or was taken with other callbacks.
    """
    check(state)
    callbacks = list(callbacks)
    if callbacks and len(callbacks) != len(state["callbacks"]):
        raise SerializationError(
            f"training state: it was taken with {len(state['callbacks'])} callbacks, got {len(callbacks)}",
            hint="give the same callbacks in the same order",
        )
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(_copied(state["optimizer"]))
    set_rng_state(state["rng"])
    for callback, saved in zip(callbacks, state["callbacks"], strict=False):
        callback.load_state_dict(saved)
    history = TrainingHistory()
    history.load_state_dict(state["history"])
    return history
