"""The base of all optimizers: parameter groups, per-parameter state, checkpoints, hooks."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from rustorch.autograd import HookHandle, enable_grad, no_grad
from rustorch.base import TensorBase
from rustorch.errors import ArgumentError, ArgumentTypeError, AutogradError, RusTorchError
from rustorch.ops.blame import SYMPTOMS, explaining
from rustorch.optim import checkpoint


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


#: Default of an option that every parameter group must give itself.
required = _Required()

Closure = Callable[[], Any]


class Optimizer:
    """Base class of optimizers.  A subclass defines ``update(group)``, or ``step`` itself.

    Attributes:
        param_groups: dictionaries with the parameters (``"params"``) and their options.
        state: per parameter a dictionary of what the optimizer remembers.
        defaults: the options of groups that do not give their own.

    >>> import rustorch
    >>> class Plain(rustorch.optim.Optimizer):
    ...     def update(self, group):
    ...         for p in group["params"]:
    ...             p -= group["lr"] * p.grad
    >>> x = rustorch.tensor([1.0], requires_grad=True)
    >>> (3 * x).sum().backward()
    >>> Plain([x], {"lr": 0.1}).step()
    >>> x
    tensor([0.7000], requires_grad=True)
    """

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        """Collect the parameters.

        Args:
            params: an iterable of tensors, of (name, tensor) pairs, or of dictionaries that describe groups.
            defaults: options of the groups.

        Raises:
            ArgumentError: if there are no parameters.
            AutogradError: if one of them is not a leaf.
        """
        self.defaults = defaults
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._start()
        name = type(self).__name__
        if isinstance(params, TensorBase):
            raise ArgumentTypeError(
                f"{name}: an iterable of tensors or dictionaries is required, got a tensor",
                hint="put it in a list",
            )
        try:
            groups = list(params)
        except TypeError:
            raise ArgumentTypeError(
                f"{name}: an iterable of tensors or dictionaries is required, got {type(params).__name__}"
            ) from None
        if not groups:
            raise ArgumentError(
                f"{name}: there are no parameters to optimize",
                hint="pass model.parameters() of a model that has some",
            )
        if isinstance(params, (set, frozenset)):
            groups = [{"params": params}]
        elif not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__module__.startswith("rustorch.optim.") and "__init__" in cls.__dict__:
            cls.__init__ = explaining(cls.__init__, cls.__name__)  # type: ignore[method-assign]
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.step)  # type: ignore[method-assign]

    def _start(self) -> None:
        """Set what is no part of a checkpoint."""
        self._hooks: dict[str, dict[int, Any]] = {kind: {} for kind in checkpoint.HOOKS}
        self._stepping = False  # inside of step, so that an overridden one runs hooks once
        self._opt_called = False  # a scheduler warns if it is stepped first

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._start()
        self.__dict__.update(state)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for number, group in enumerate(self.param_groups):
            lines += [f"Parameter Group {number}"]
            lines += [
                f"    {key}: {group[key]}" for key in sorted(group) if key not in ("params", "param_names")
            ]
        return "\n".join([*lines, ")"])

    # -- parameters --------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own, e.g. layers that are to be trained from now on.

        Raises:
            ArgumentTypeError: if it is no dictionary, or holds something else than tensors.
            ArgumentError: if an option is missing or wrong, or a parameter is there already.
            AutogradError: if a parameter is not a leaf.
        """
        name = type(self).__name__
        if not isinstance(param_group, dict):
            raise ArgumentTypeError(
                f"{name}: a parameter group must be a dictionary, got {type(param_group).__name__}"
            )
        if "params" not in param_group:
            raise ArgumentError(
                f"{name}: a parameter group must have the key 'params', got {sorted(param_group)}"
            )
        given = param_group["params"]
        if isinstance(given, (set, frozenset)):
            raise ArgumentTypeError(
                f"{name}: parameters need an order that stays the same, got a set", hint="use a list"
            )
        if not isinstance(given, Iterable):
            raise ArgumentTypeError(f"{name}: params must be tensors, got {type(given).__name__}")
        members: list[Any] = [given] if isinstance(given, TensorBase) else list(given)
        group = dict(param_group)
        if members and all(isinstance(m, tuple) for m in members):
            group["param_names"] = [m[0] for m in members]
            members = [m[1] for m in members]
        group["params"] = members
        self._check_members(members)
        for key, default in self.defaults.items():
            if default is required and key not in group:
                raise ArgumentError(
                    f"{name}: the parameter group must give the option {key!r}, which has no default"
                )
            group.setdefault(key, default)
        self.check(group)
        self.param_groups.append(group)

    def _check_members(self, members: list[Any]) -> None:
        name = type(self).__name__
        known = {id(p) for group in self.param_groups for p in group["params"]}
        for p in members:
            if not isinstance(p, TensorBase):
                raise ArgumentTypeError(f"{name}: only tensors can be optimized, got {type(p).__name__}")
            if p.node is not None:
                raise AutogradError(
                    f"{name}: only leaf tensors can be optimized, got the result of {p.grad_fn.name()}",
                    hint="optimize the tensors that it was computed from, or detach() it",
                )
            if id(p) in known:
                raise ArgumentError(f"{name}: a parameter occurs twice")
            known.add(id(p))

    def check(self, group: dict[str, Any]) -> None:
        """Raise if an option of a group is wrong; subclasses say what is right."""

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or with ``set_to_none=False`` set them to zero."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad_ = None
                elif p.grad_ is not None:
                    p.grad_.detach_()
                    p.grad_.zero_()

    # -- a step ------------------------------------------------------------------------------------

    def step(self, closure: Closure | None = None) -> Any:
        """Change every parameter that has a gradient.

        Args:
            closure: computes the loss again, with its gradients, and returns it.

        Returns:
            what `closure` returned, or None.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                self.update(group)
        return loss

    def update(self, group: dict[str, Any]) -> None:
        """Change the parameters of one group; nothing is recorded meanwhile."""
        raise NotImplementedError(f"{type(self).__name__} must define update(group) or step()")

    def add_hook(self, kind: str, hook: Callable[..., Any], *, first: bool = False) -> HookHandle:
        """Register a hook of one of the kinds in `checkpoint.HOOKS`."""
        hooks = self._hooks[kind]
        others = dict(hooks) if first else {}
        if first:
            hooks.clear()
        handle = HookHandle(hooks, hook)
        hooks.update(others)
        return handle

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step; it may return other (args, kwargs)."""
        return self.add_hook("step_pre", hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return self.add_hook("step_post", hook)

    # -- checkpoints -------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return options and state as plain data and tensors, in PyTorch's format.

        ``{"state": {number: {...}}, "param_groups": [{..., "params": [numbers]}]}``, with parameters
        numbered from 0 in the order of the groups.
        """
        return checkpoint.state_dict(self)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over options and state from `state_dict`; tensors get each parameter's dtype and device.

        To change the device of a running optimizer no state is needed: see :func:`rustorch.migrate`.

        Raises:
            ArgumentError: if groups or numbers of parameters differ.
        """
        try:
            checkpoint.load_state_dict(self, state_dict)
        except SYMPTOMS as error:
            if isinstance(error, RusTorchError):
                raise
            raise ArgumentError(
                f"{type(self).__name__}.load_state_dict: this is no state of an optimizer "
                f"({type(error).__name__}: {error})"
            ) from error

    def exported(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return one parameter's state as it is saved."""
        return state

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> HookHandle:
        """Call ``hook(optimizer)`` before :meth:`state_dict`."""
        return self.add_hook("state_dict_pre", hook, first=prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> HookHandle:
        """Call ``hook(optimizer, state_dict)`` after :meth:`state_dict`; it may return another."""
        return self.add_hook("state_dict_post", hook, first=prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> HookHandle:
        """Call ``hook(optimizer, state_dict)`` before loading; it may return another."""
        return self.add_hook("load_state_dict_pre", hook, first=prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> HookHandle:
        """Call ``hook(optimizer)`` after loading."""
        return self.add_hook("load_state_dict_post", hook, first=prepend)


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """Return a step that runs the optimizer's hooks around it and notes that it was called."""

    @functools.wraps(step)
    def stepped(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        if self._stepping:  # called by the step of a subclass
            return step(self, *args, **kwargs)
        self._opt_called = self._stepping = True
        try:
            for hook in list(self._hooks["step_pre"].values()):
                changed = hook(self, args, kwargs)
                if changed is not None:
                    args, kwargs = _replaced(changed)
            result = step(self, *args, **kwargs)
            for hook in list(self._hooks["step_post"].values()):
                hook(self, args, kwargs)
        finally:
            self._stepping = False
        return result

    return stepped


def _replaced(changed: Any) -> tuple[Any, Any]:
    if not isinstance(changed, tuple) or len(changed) != 2:
        raise ArgumentTypeError(f"step: a pre-hook must return None or (args, kwargs), got {changed!r}")
    return changed


Optimizer.step = _with_hooks(Optimizer.step)  # type: ignore[method-assign]


def with_gradients(group: dict[str, Any]) -> Iterable[tuple[Any, Any]]:
    """Yield each parameter of a group that has a gradient, with it; negated where the group maximizes."""
    for p in group["params"]:
        grad = p.grad_
        if grad is not None:
            yield p, -grad if group["maximize"] else grad
