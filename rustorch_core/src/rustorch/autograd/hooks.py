"""Hooks on the gradients of tensors."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

from rustorch.errors import AutogradError
from rustorch.tape import Output, edge_of

_next_key = itertools.count().__next__


class HookHandle:
    """Removes a hook, by ``remove()`` or at the end of a ``with`` block."""

    def __init__(self, hooks: dict[int, Any], hook: Callable[..., Any]) -> None:
        self._hooks = hooks
        self.id = _next_key()
        hooks[self.id] = hook

    def remove(self) -> None:
        """Remove the hook; more than once does nothing."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> HookHandle:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.remove()


def _hooks_of(x: Any) -> dict[int, Any]:
    """Return the dictionary of gradient hooks of a tensor: on its node, or on the leaf itself."""
    if not x.needs_grad:
        raise AutogradError("register_hook: the tensor does not require grad")
    edge = edge_of(x)
    if edge is x:
        return _leaf_hooks(x, "grad")
    node, index = (edge.node, edge.index) if isinstance(edge, Output) else (edge, 0)
    if node.hooks is None:
        node.hooks = {}
    hooks: dict[int, Any] = node.hooks.setdefault(index, {})
    return hooks


def _leaf_hooks(x: Any, kind: str) -> dict[int, Any]:
    if x.hooks is None:
        x.hooks = {}
    hooks: dict[int, Any] = x.hooks.setdefault(kind, {})
    return hooks


def register_tensor_hook(x: Any, hook: Callable[[Any], Any]) -> HookHandle:
    """Call `hook` with the gradient of `x`; see ``Tensor.register_hook``."""
    return HookHandle(_hooks_of(x), hook)


def register_accumulate_hook(x: Any, hook: Callable[[Any], None]) -> HookHandle:
    """Call `hook` with a leaf after its ``grad`` has grown."""
    if x.node is not None or not x.needs_grad:
        raise AutogradError("register_post_accumulate_grad_hook: a leaf that requires grad is required")
    return HookHandle(_leaf_hooks(x, "accumulated"), hook)


def retain_grad(x: Any) -> None:
    """Keep the gradient of a non-leaf in its ``grad``."""
    if x.node is None or x.retains_grad:
        if not x.needs_grad:
            raise AutogradError("retain_grad: the tensor does not require grad")
        return
    x.retains_grad = True
    target = weakref.ref(x)

    def keep(g: Any) -> None:
        tensor = target()
        if tensor is not None:
            tensor.grad_ = g.clone() if tensor.grad_ is None else tensor.grad_ + g

    register_tensor_hook(x, keep)
