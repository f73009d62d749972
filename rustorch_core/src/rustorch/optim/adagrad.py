"""Adagrad."""

from __future__ import annotations

from typing import Any

from rustorch.ops import creation
from rustorch.optim import options, slots
from rustorch.optim.optimizer import Optimizer, with_gradients


class Adagrad(Optimizer):
    """Adagrad: gradients divided by the root of the sum of all squared gradients so far.

    ``s += g^2;  p -= lr / (1 + (t - 1) lr_decay) * g / (sqrt(s) + eps)``,
    where ``g = grad + weight_decay p``.

    Source: Duchi, Hazan and Singer, "Adaptive subgradient methods", JMLR 12 (2011).

    >>> import rustorch
    >>> x = rustorch.tensor([1.0], requires_grad=True)
    >>> optimizer = rustorch.optim.Adagrad([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        """Make an optimizer.

        Args:
            params: tensors, (name, tensor) pairs, or dictionaries of groups.
            lr: the learning rate.
            lr_decay: how fast the learning rate falls with the number of steps.
            weight_decay: factor of the L2 penalty.
            initial_accumulator_value: what the sum of squares starts with.
            eps: added to the root, against division by zero.
            foreach: accepted without effect.
            maximize: climb instead of descend.
            differentiable: only False is supported.
            fused: accepted without effect.

        Raises:
            ArgumentError: if an option is outside of its range.
        """
        defaults = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own; their sums start at once, as in PyTorch."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:
            total = creation.full_like(p.detach(), group["initial_accumulator_value"])
            self.state[p] = {"step": 0, "sum": total}

    def check(self, group: dict[str, Any]) -> None:
        """Raise if an option is outside of its range."""
        for key in ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"):
            options.number("Adagrad", group, key)
        options.hints("Adagrad", group)

    def exported(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return one parameter's state as it is saved: the step count as a tensor, as PyTorch has it."""
        return slots.exported(state)

    def update(self, group: dict[str, Any]) -> None:
        """Take one step for a group."""
        for p, gradient in with_gradients(group):
            state = self.state[p]
            slots.settle(p, state)
            step = state["step"] = state["step"] + 1
            g = gradient + p * group["weight_decay"] if group["weight_decay"] else gradient
            lr = float(group["lr"]) / (1 + (step - 1) * group["lr_decay"])
            total = state["sum"]
            total.add_(g * g)
            p.sub_((g / total.sqrt().add_(group["eps"])).mul_(lr))
