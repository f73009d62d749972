"""Adam."""

from __future__ import annotations

from typing import Any

from rustorch.ops.optimizer import adam_step
from rustorch.optim import options, slots
from rustorch.optim.optimizer import Optimizer


class Adam(Optimizer):
    """Adam: steps in proportion to the mean gradient over the root of the mean squared gradient.

    ``m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
    p -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)``, where ``g = grad + weight_decay p``.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015; amsgrad: Reddi et al.,
    "On the convergence of Adam and beyond", ICLR 2018.

    >>> import rustorch
    >>> x = rustorch.tensor([1.0], requires_grad=True)
    >>> optimizer = rustorch.optim.Adam([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        """Make an optimizer.

        Args:
            params: tensors, (name, tensor) pairs, or dictionaries of groups.
            lr: the learning rate.
            betas: how slowly the means of the gradient and of its square forget.
            eps: added to the root, against division by zero.
            weight_decay: factor of the L2 penalty.
            amsgrad: divide by the root of the largest mean square so far.
            foreach: accepted; steps are always fused.
            maximize: climb instead of descend.
            capturable: accepted; steps never wait for the device.
            differentiable: only False is supported.
            fused: accepted; steps are always fused.
            decoupled_weight_decay: shrink the parameters themselves, as :class:`AdamW` does.

        Raises:
            ArgumentError: if an option is outside of its range.
        """
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _start(self) -> None:
        super()._start()
        self._hyper = slots.HyperTable(adam_step)

    def check(self, group: dict[str, Any]) -> None:
        """Raise if an option is outside of its range."""
        name = type(self).__name__
        for key in ("lr", "eps", "weight_decay"):
            options.number(name, group, key)
        options.betas(name, group)
        options.hints(name, group)

    def exported(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return one parameter's state as it is saved: the step count as a tensor, as PyTorch has it."""
        return slots.exported(state)

    def update(self, group: dict[str, Any]) -> None:
        """Take one step for a group."""
        beta1, beta2 = group["betas"]
        fixed = (float(group["lr"]), beta1, beta2, group["eps"], group["weight_decay"])
        flags = (group["decoupled_weight_decay"], group["maximize"])
        amsgrad = group["amsgrad"]
        states = self.state
        together = slots.Together(adam_step, self._hyper, group)
        for p in group["params"]:
            grad = p.grad_
            if grad is None:
                continue
            state = states[p]
            if not state:
                self._begin(p, state, amsgrad)
            step = state["step"] = state["step"] + 1
            mean = state["exp_avg"]
            if mean.device is not p.device:
                slots.settle(p, state)
                mean = state["exp_avg"]
            changed = (p, mean, state["exp_avg_sq"], state["max_exp_avg_sq"] if amsgrad else None)
            together.add(changed, grad, (*fixed, step, *flags))
        together.run()

    def _begin(self, p: Any, state: dict[str, Any], amsgrad: bool) -> None:
        state["step"] = 0
        state["exp_avg"] = slots.zeros(p)
        state["exp_avg_sq"] = slots.zeros(p)
        if amsgrad:
            state["max_exp_avg_sq"] = slots.zeros(p)
