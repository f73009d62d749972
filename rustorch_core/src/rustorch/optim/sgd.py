"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from rustorch.errors import ArgumentError
from rustorch.ops.optimizer import sgd_step
from rustorch.optim import options, slots
from rustorch.optim.optimizer import Optimizer


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if asked for.

    ``b = momentum b + (1 - dampening) g;  p -= lr b``, with Nesterov's momentum ``p -= lr (g + momentum b)``,
    where ``g = grad + weight_decay p`` and b starts as g.

    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013.

    >>> import rustorch
    >>> x = rustorch.tensor([1.0], requires_grad=True)
    >>> optimizer = rustorch.optim.SGD([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        """Make an optimizer.

        Args:
            params: tensors, (name, tensor) pairs, or dictionaries of groups.
            lr: the learning rate.
            momentum: how much of the last step is kept.
            dampening: how much of the gradient is left out of the momentum.
            weight_decay: factor of the L2 penalty.
            nesterov: look ahead along the momentum.
            maximize: climb instead of descend.
            foreach: accepted; steps are always fused.
            differentiable: only False is supported.
            fused: accepted; steps are always fused.

        Raises:
            ArgumentError: if an option is outside of its range.
        """
        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
            "nesterov": nesterov, "maximize": maximize, "foreach": foreach, "differentiable": differentiable,
            "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _start(self) -> None:
        super()._start()
        self._hyper = slots.HyperTable(sgd_step)

    def check(self, group: dict[str, Any]) -> None:
        """Raise if an option is outside of its range."""
        for key in ("lr", "momentum", "weight_decay"):
            options.number("SGD", group, key)
        options.number("SGD", group, "dampening", low=-float("inf"))
        options.hints("SGD", group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ArgumentError(
                "SGD: nesterov needs a momentum above 0 and no dampening, "
                f"got {group['momentum']} and {group['dampening']}"
            )

    def update(self, group: dict[str, Any]) -> None:
        """Take one step for a group."""
        lr, momentum = float(group["lr"]), group["momentum"]
        rest = (group["dampening"], group["weight_decay"], group["nesterov"])
        maximize = group["maximize"]
        together = slots.Together(sgd_step, self._hyper, group)
        for p in group["params"]:
            grad = p.grad_
            if grad is None:
                continue
            buffer, first = None, False
            if momentum:
                state = self.state[p]
                buffer = state.get("momentum_buffer")
                if buffer is None:
                    first = True
                    buffer = state["momentum_buffer"] = slots.zeros(p)
                elif buffer.device is not p.device:
                    slots.settle(p, state)
                    buffer = state["momentum_buffer"]
            together.add((p, buffer), grad, (lr, momentum, *rest, first, maximize))
        together.run()
