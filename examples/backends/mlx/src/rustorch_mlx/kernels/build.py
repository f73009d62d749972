"""From a function on MLX arrays to a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx

from rustorch.plugins import Kernel
from rustorch_mlx.streams import current
from rustorch_mlx.views import View, load, store


def writing(op: str, fn: Callable[..., None], dtypes: frozenset[str]) -> Kernel:
    """Declare a function that takes the views themselves."""

    def kernel(out: View, *operands: View, **attributes: Any) -> None:
        with mx.stream(current.stream.stream):
            fn(out, *operands, **attributes)

    return Kernel(op, kernel, dtypes, layout="strided")


def functional(op: str, function: Callable[..., Any], dtypes: frozenset[str]) -> Kernel:
    """Make a kernel of a function that returns arrays, one per result, of any dtype."""

    def kernel(out: View | tuple[View, ...], *operands: View, **attributes: Any) -> None:
        outs = out if isinstance(out, tuple) else (out,)
        if not any(view.shape.elements for view in outs if view is not None):
            return  # MLX cannot reduce what is empty
        found = function(*map(load, operands), **attributes)
        for view, values in zip(outs, found if isinstance(out, tuple) else (found,), strict=True):
            store(view, values)

    return writing(op, kernel, dtypes)


def widened(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function compute in float32 where its operands have half precision."""

    def wide(*operands: mx.array | None, **attributes: Any) -> Any:
        return function(*(single(x) for x in operands), **attributes)

    return wide


def single(x: mx.array | None) -> mx.array | None:
    return x.astype(mx.float32) if x is not None and x.dtype in (mx.float16, mx.bfloat16) else x
