"""What runs around a module's forward and backward.  A module without hooks never comes here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rustorch.autograd import Function, HookHandle
from rustorch.base import TensorBase
from rustorch.errors import ArgumentTypeError
from rustorch.tape import mode

KINDS = (
    "forward_pre",
    "forward",
    "backward_pre",
    "backward",
    "state_dict_pre",
    "state_dict",
    "load_state_dict_pre",
    "load_state_dict_post",
)


class Hooks:
    """The hooks of one module: per kind, in the order they run; and the keys of hooks with an option set."""

    def __init__(self) -> None:
        self.kinds: dict[str, dict[int, Any]] = {kind: {} for kind in KINDS}
        self.with_kwargs: set[int] = set()
        self.always: set[int] = set()

    def add(
        self, kind: str, hook: Callable[..., Any], *, prepend: bool = False, **options: bool
    ) -> HookHandle:
        """Register a hook; return the handle that removes it."""
        hooks = self.kinds[kind]
        handle = HookHandle(hooks, hook)
        for option, on in options.items():
            if on:
                getattr(self, option).add(handle.id)
        if prepend:
            last = hooks.pop(handle.id)
            others = dict(hooks)
            hooks.clear()
            hooks[handle.id] = last
            hooks.update(others)
        return handle

    def run(self, kind: str, *args: Any) -> None:
        """Call all hooks of a kind whose answer does not matter."""
        for hook in list(self.kinds[kind].values()):
            hook(*args)


def call(module: Any, hooks: Hooks, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the module's forward with its hooks around it."""
    try:
        return _call(module, hooks, args, kwargs)
    except BaseException:
        for key, hook in list(hooks.kinds["forward"].items()):
            if key in hooks.always:
                _forward_hook(module, hooks, key, hook, args, kwargs, None)
        raise


def _call(module: Any, hooks: Hooks, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    for key, hook in list(hooks.kinds["forward_pre"].items()):
        args, kwargs = _pre_hook(module, hooks, key, hook, args, kwargs)
    watched = (
        _Watch(module, hooks)
        if mode.grad and (hooks.kinds["backward"] or hooks.kinds["backward_pre"])
        else None
    )
    if watched is not None:
        args = watched.enter(args)
    result = module.forward(*args, **kwargs)
    for key, hook in list(hooks.kinds["forward"].items()):
        changed = _forward_hook(module, hooks, key, hook, args, kwargs, result)
        if changed is not None:
            result = changed
    return result if watched is None else watched.leave(result)


def _pre_hook(
    module: Any, hooks: Hooks, key: int, hook: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if key in hooks.with_kwargs:
        changed = hook(module, args, kwargs)
        if changed is None:
            return args, kwargs
        if not (isinstance(changed, tuple) and len(changed) == 2):
            raise ArgumentTypeError(
                "forward pre-hook: (args, kwargs) or None must be returned if with_kwargs=True"
            )
        return changed
    changed = hook(module, args)
    if changed is None:
        return args, kwargs
    return (changed if isinstance(changed, tuple) else (changed,)), kwargs


def _forward_hook(
    module: Any, hooks: Hooks, key: int, hook: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
) -> Any:
    if key in hooks.with_kwargs:
        return hook(module, args, kwargs, result)
    return hook(module, args, result)


class _Boundary(Function):
    """The identity, told when the gradients of all its tensors are known."""

    @staticmethod
    def forward(ctx: Any, arrived: Callable[[tuple[Any, ...]], Any], *tensors: Any) -> Any:
        ctx.arrived = arrived
        ctx.set_materialize_grads(False)
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return (None, *ctx.arrived(grads))


class _Watch:
    """One call of a module with backward hooks: the gradients at its results, then at its arguments."""

    def __init__(self, module: Any, hooks: Hooks) -> None:
        self.module = module
        self.hooks = hooks
        self.grad_output: tuple[Any, ...] = ()
        self.entered = False

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments, their gradients watched."""
        places = [i for i, x in enumerate(args) if isinstance(x, TensorBase) and x.needs_grad]
        if not places:
            return args
        self.entered = True

        def arrived(grads: tuple[Any, ...]) -> tuple[Any, ...]:
            known: list[Any] = [None] * len(args)
            for place, g in zip(places, grads, strict=True):
                known[place] = g
            known = self._finish(tuple(known))
            return tuple(known[place] for place in places)

        passed = list(args)
        for place, x in zip(places, _Boundary.apply(arrived, *[args[i] for i in places]), strict=True):
            passed[place] = x
        return tuple(passed)

    def leave(self, result: Any) -> Any:
        """Return the result (a tensor, or a tuple or list with tensors), its gradient watched."""
        several = isinstance(result, (tuple, list))
        items = list(result) if several else [result]
        places = [i for i, x in enumerate(items) if isinstance(x, TensorBase) and x.needs_grad]
        if not places:
            return result

        def arrived(grads: tuple[Any, ...]) -> tuple[Any, ...]:
            known: list[Any] = [None] * len(items)
            for place, g in zip(places, grads, strict=True):
                known[place] = g
            known = self._begin(tuple(known))
            return tuple(known[place] for place in places)

        for place, x in zip(places, _Boundary.apply(arrived, *[items[i] for i in places]), strict=True):
            items[place] = x
        if not several:
            return items[0]
        return type(result)(*items) if hasattr(result, "_fields") else type(result)(items)

    def _begin(self, grads: tuple[Any, ...]) -> Any:
        for hook in list(self.hooks.kinds["backward_pre"].values()):
            grads = _replaced("backward pre-hook", grads, hook(self.module, grads))
        self.grad_output = grads
        if not self.entered:  # no argument requires grad: there is nothing to wait for
            self._finish(())
        return grads

    def _finish(self, grads: tuple[Any, ...]) -> Any:
        for hook in list(self.hooks.kinds["backward"].values()):
            grads = _replaced("backward hook", grads, hook(self.module, grads, self.grad_output))
        return grads


def _replaced(what: str, grads: tuple[Any, ...], answer: Any) -> tuple[Any, ...]:
    if answer is None:
        return grads
    new = answer if isinstance(answer, tuple) else (answer,)
    if len(new) != len(grads):
        raise ArgumentTypeError(f"{what}: {len(grads)} gradients or None must be returned, got {len(new)}")
    return new
