"""AdamW."""

from __future__ import annotations

from typing import Any

from rustorch.optim.adam import Adam


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameters, by ``p *= 1 - lr weight_decay`` before each step.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.

    >>> import rustorch
    >>> x = rustorch.tensor([1.0], requires_grad=True)
    >>> optimizer = rustorch.optim.AdamW([x], lr=0.1, weight_decay=0.5)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.8500], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        """Make an optimizer; see :class:`Adam` for the options."""
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def check(self, group: dict[str, Any]) -> None:
        """Raise if an option is outside of its range; the decay stays decoupled whatever was loaded."""
        super().check(group)
        group["decoupled_weight_decay"] = True
