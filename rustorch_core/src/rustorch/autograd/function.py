"""Custom differentiable functions."""

from __future__ import annotations

from typing import Any

from rustorch.base import Spec, TensorBase
from rustorch.errors import AutogradError
from rustorch.tape import Node, Output, edge_of, mode


class Context:
    """What ``forward`` leaves for ``backward``."""

    def __init__(self) -> None:
        self._saved: tuple[Any, ...] = ()
        self._versions: tuple[int | None, ...] = ()
        self._dirty: tuple[Any, ...] = ()
        self._not_differentiable: tuple[Any, ...] = ()
        self._materialize = True
        self.needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors for ``backward``; a later change in place is then an error."""
        self._saved = tensors
        self._versions = tuple(None if t is None else t.storage.version for t in tensors)

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors kept by :meth:`save_for_backward`."""
        for x, version in zip(self._saved, self._versions, strict=True):
            if x is not None and x.storage.version != version and not any(x is d for d in self._dirty):
                raise AutogradError(
                    f"backward: a saved {x.dtype.name} tensor of shape {tuple(x.shape)} was changed by "
                    f"an in-place operation (version {x.storage.version}, expected {version})"
                )
        return self._saved

    def mark_dirty(self, *tensors: Any) -> None:
        """Say which inputs ``forward`` changes in place."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say which results carry no gradient."""
        self._not_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Choose whether gradients that nobody sent arrive as zeros (True) or None."""
        self._materialize = value


class _FunctionNode(Node):
    __slots__ = ("context", "function")

    function: type[Function]
    context: Context

    def name(self) -> str:
        return f"{self.function.__name__}Backward"

    def release(self) -> None:
        self.context._saved = self.context._versions = ()

    def differentiate(self, g: Any) -> list[Any]:
        grads = g if isinstance(g, tuple) else (g,)
        if self.context._materialize:
            grads = tuple(_zeros(s) if x is None else x for x, s in zip(grads, self.results, strict=True))
        result = self.function.backward(self.context, *grads)
        result = list(result) if isinstance(result, (tuple, list)) else [result]
        count = len(self.attrs["positions"])
        if len(result) < count or any(extra is not None for extra in result[count:]):
            raise AutogradError(
                f"{self.function.__name__}.backward: one gradient per argument of forward is required "
                f"({count}), got {len(result)}"
            )
        return [result[i] for i, is_tensor in enumerate(self.attrs["positions"]) if is_tensor]


def _zeros(spec: Spec) -> Any:
    from rustorch.ops.creation import filled

    return filled(spec.shape, 0, spec.dtype, spec.device)


class _Named:
    def __init__(self, name: str) -> None:
        self.name = name


class Function:
    """A function with a derivative of its own.  Subclass it and call ``apply``.

    >>> import rustorch
    >>> class Double(rustorch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x * 2
    ...
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         return g * 2
    >>> x = rustorch.tensor([1.0], requires_grad=True)
    >>> Double.apply(x).backward()
    >>> x.grad
    tensor([2.])
    """

    @staticmethod
    def forward(ctx: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG004 - the signature to override
        """Compute the result; called with recording off."""
        raise AutogradError("Function: a subclass must define forward(ctx, *args)")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep what ``backward`` needs; a class that defines this has a ``forward`` without `ctx`."""

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:  # noqa: ARG004 - the signature to override
        """Return one gradient per argument of ``forward`` (None for those that are no tensors)."""
        raise AutogradError("Function: a subclass must define backward(ctx, *grad_outputs)")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward`` and record it."""
        context = Context()
        context.needs_input_grad = tuple(isinstance(a, TensorBase) and a.needs_grad for a in args)
        positions = [isinstance(a, TensorBase) for a in args]
        inputs: list[Any] = [a for a in args if isinstance(a, TensorBase)]
        recorded = mode.grad and any(x.needs_grad for x in inputs)
        edges = [edge_of(x) for x in inputs] if recorded else []
        before, mode.grad = mode.grad, False
        try:
            if cls.setup_context is Function.setup_context:
                results = cls.forward(context, *args, **kwargs)
            else:
                results = cls.forward(*args, **kwargs)
                cls.setup_context(context, args, results)
        finally:
            mode.grad = before
        if not recorded:
            return results
        outs = results if isinstance(results, tuple) else (results,)
        outs = tuple(
            o.detach() if any(o is x for x in inputs) and o not in context._dirty else o for o in outs
        )
        node = _FunctionNode(_Named(cls.__name__), {"positions": positions})  # type: ignore[arg-type]
        node.function, node.context = cls, context
        node.edges = edges
        node.saved = [Spec(x.shape, x.dtype, x.device) for x in inputs]
        node.results = [Spec(o.shape, o.dtype, o.device) for o in outs]
        silent = {id(x) for x in context._not_differentiable}
        for index, out in enumerate(outs):
            if id(out) not in silent and out.dtype.category >= 2:
                out.needs_grad = True
                out.node = node if len(outs) == 1 else Output(node, index)
        return outs if isinstance(results, tuple) else outs[0]
