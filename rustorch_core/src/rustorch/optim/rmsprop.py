"""RMSprop."""

from __future__ import annotations

from typing import Any

from rustorch.optim import options, slots
from rustorch.optim.optimizer import Optimizer, with_gradients


class RMSprop(Optimizer):
    """RMSprop: gradients divided by the root of their mean square.

    ``v = alpha v + (1 - alpha) g^2;  p -= lr g / (sqrt(v) + eps)``; `centered` divides by the standard
    deviation, and with momentum the quotient is accumulated.  Source: Hinton, "Neural networks for machine
    learning", lecture 6, 2012; centered: Graves, arXiv:1308.0850.

    >>> import rustorch
    >>> x = rustorch.tensor([1.0], requires_grad=True)
    >>> optimizer = rustorch.optim.RMSprop([x], lr=0.01)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        """Make an optimizer.

        Args:
            params: tensors, (name, tensor) pairs, or dictionaries of groups.
            lr: the learning rate.
            alpha: how slowly the mean square forgets.
            eps: added to the root, against division by zero.
            weight_decay: factor of the L2 penalty.
            momentum: how much of the last step is kept.
            centered: divide by the standard deviation.
            capturable: accepted; steps never wait for the device.
            foreach: accepted without effect.
            maximize: climb instead of descend.
            differentiable: only False is supported.

        Raises:
            ArgumentError: if an option is outside of its range.
        """
        defaults = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def check(self, group: dict[str, Any]) -> None:
        """Raise if an option is outside of its range."""
        for key in ("lr", "eps", "momentum", "weight_decay", "alpha"):
            options.number("RMSprop", group, key)
        options.hints("RMSprop", group)

    def exported(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return one parameter's state as it is saved: the step count as a tensor, as PyTorch has it."""
        return slots.exported(state)

    def update(self, group: dict[str, Any]) -> None:
        """Take one step for a group."""
        lr, alpha, momentum = float(group["lr"]), group["alpha"], group["momentum"]
        for p, gradient in with_gradients(group):
            state = self.state[p]
            if not state:
                self._begin(p, state, group)
            slots.settle(p, state)
            state["step"] += 1
            g = gradient + p * group["weight_decay"] if group["weight_decay"] else gradient
            square = state["square_avg"]
            square.mul_(alpha).add_((g * g).mul_(1 - alpha))
            if group["centered"]:
                mean = state["grad_avg"]
                mean.add_((g - mean).mul_(1 - alpha))
                root = (square - mean * mean).sqrt_().add_(group["eps"])
            else:
                root = square.sqrt().add_(group["eps"])
            if momentum:
                step = state["momentum_buffer"]
                step.mul_(momentum).add_(g / root)
                p.sub_(step * lr)
            else:
                p.sub_((g / root).mul_(lr))

    def _begin(self, p: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        state["step"] = 0
        state["square_avg"] = slots.zeros(p)
        if group["momentum"]:
            state["momentum_buffer"] = slots.zeros(p)
        if group["centered"]:
            state["grad_avg"] = slots.zeros(p)
