"""Calls of public functions at a given size, from which the calls of ops at that size are harvested.

Operands of backward ops belong together (a softmax and its result, a normalization and its statistics);
running the forward op on the oracle is the simplest way to have them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from rustorch import ops
from rustorch.ops.samples import Array, Sample, array, call, index
from rustorch.testing.cases import Case
from rustorch.testing.op_cases import OpCase, harvested

Maker = Callable[[int], list[Sample]]


def _last_and_first(**options: object) -> Maker:
    return lambda n: [call(array(3, n), dim=1, **options), call(array(n, 2), dim=0, **options)]


def _of_some(maker: Maker) -> Maker:
    """There is no greatest one of no elements."""
    return lambda n: maker(n) if n else []


def _reduction(n: int) -> list[Sample]:
    return [
        call(array(n)),
        call(array(3, n), dim=1),
        call(array(n, 3), dim=0),
        call(array(2, n, 3), dim=1),
        call(array(2, 3, n), dim=(0, 2)),
    ]


def _product(n: int) -> list[Sample]:
    near_one: dict[str, float] = {"low": 0.8, "high": 1.25}
    return [
        call(array(n, **near_one)),
        call(array(3, n, **near_one), dim=1),
        call(array(n, 3, **near_one), dim=0),
    ]


def _indexed(n: int) -> Array:
    return index(3, n, below=max(n, 1))


def _norm(n: int) -> list[Sample]:
    return [call(array(3, n), (n,), array(n), array(n))] if n > 1 else []


def _batch(n: int) -> list[Sample]:
    """Batch statistics of two or more elements."""
    if n < 2:
        return []
    return [
        call(array(n, 3), None, None, array(3), array(3), training=True),
        call(array(2, 3, n), None, None, array(3), array(3), training=True),
        call(array(2, n, 2, 2), None, None, array(n), array(n), training=True),
    ]


def _convolution(n: int) -> list[Sample]:
    if not 3 <= n <= 40:
        return []
    return [
        call(array(2, 3, 5, n), array(4, 3, 3, 3), array(4), padding=1),
        call(array(1, n, 5, 4), array(n, 1, 3, 3), stride=2, padding=1, groups=n),
        call(array(1, 2, n, 6), array(n, 2, 1, 1)),
    ]


def _pooling(n: int) -> list[Sample]:
    return (
        [call(array(2, 3, 5, n, distinct=True), 2), call(array(1, 2, n, 4, distinct=True), 3, 2, 1)]
        if n >= 3
        else []
    )


def _product_of_matrices(n: int) -> list[Sample]:
    return [
        call(array(n, 5), array(5, 4)),
        call(array(3, n), array(n, 4)),
        call(array(4, 6), array(6, n)),
        call(array(2, 3, n), array(2, n, 3)),
        call(array(n, n), array(n, n)),
    ]


#: Public function -> its calls at size n.  What they lead to, backward twice included, is graded.
SWEEPS: dict[str, Maker] = {
    "sum": _reduction,
    "prod": _product,
    "amax": _of_some(_reduction),
    "amin": _of_some(_reduction),
    "argmax": _of_some(_last_and_first()),
    "argmin": _of_some(_last_and_first()),
    "cumsum": lambda n: [call(array(3, n), 1), call(array(n, 2), 0)],
    "softmax": _last_and_first(),
    "log_softmax": _last_and_first(),
    "sort": _last_and_first(stable=True),
    "gather": lambda n: [call(array(3, n), 1, _indexed(n)), call(array(n, 2), 0, index(n, 2, below=max(n, 1)))],
    "scatter_add": lambda n: [call(array(3, n), 1, _indexed(n), array(3, n))],
    "index_select": lambda n: [
        call(array(n, 3), 0, index(n, below=max(n, 1))),
        call(array(3, 4), 1, index(n, below=4)),
    ],
    "index_add": lambda n: [call(array(5, 3), 0, index(n, below=5), array(n, 3))],
    "matmul": _product_of_matrices,
    "linear": lambda n: [call(array(3, n), array(4, n), array(4)), call(array(n, 4), array(n, 4), array(n))],
    "layer_norm": _norm,
    "batch_norm": _batch,
    "cross_entropy": _of_some(lambda n: [call(array(3, n), index(3, below=n)), call(array(n, 4), index(n, below=4))]),
    "conv2d": _convolution,
    "max_pool2d": _pooling,
    "avg_pool2d": _pooling,
    "scaled_dot_product_attention": lambda n: [
        call(array(1, 2, n, 4), array(1, 2, 5, 4), array(1, 2, 5, 3)),
        call(array(1, 2, 3, n), array(1, 2, n, n), array(1, 2, n, 4), is_causal=True),
    ]
    if 0 < n <= 70
    else [],
}  # fmt: skip

#: What a public function's sweep is for, besides the op of its own name.
_ALSO = {
    "softmax": ("softmax_backward",),
    "log_softmax": ("log_softmax_backward",),
    "scatter_add": ("scatter",),
    "layer_norm": ("layer_norm_backward",),
    "batch_norm": ("batch_norm_backward",),
    "cross_entropy": ("cross_entropy_backward",),
    "conv2d": ("conv2d_input_grad", "conv2d_weight_grad"),
    "max_pool2d": ("max_pool2d_backward",),
    "avg_pool2d": ("avg_pool2d_backward",),
    "scaled_dot_product_attention": ("attention", "attention_backward"),
}
SWEEP_OF = {op: function for function in SWEEPS for op in (function, *_ALSO.get(function, ()))}


@cache
def _found(function: str, n: int) -> dict[str, list[OpCase]]:
    public = ops.functions[function]
    return harvested([Case(public, number, sample) for number, sample in enumerate(SWEEPS[function](n))])


def at_size(op: str, n: int) -> list[OpCase]:
    """Return the calls of an op at a size; none if it has no sweep."""
    function = SWEEP_OF.get(op)
    return _found(function, n).get(op, []) if function else []


#: Calls on large operands: (public function, sample); the first of each function is enough if time is short.
_LARGE: dict[str, list[Sample]] = {
    "sum": [call(array(100_003)), call(array(300, 301), dim=0), call(array(1_000_003, low=0.0))],
    "prod": [call(array(3001, low=0.99, high=1.01))],
    "amax": [call(array(100_003)), call(array(300, 301), dim=0)],
    "amin": [call(array(100_003)), call(array(300, 301), dim=0)],
    "argmax": [call(array(3, 30_001), dim=1), call(array(3001, 40), dim=0)],
    "argmin": [call(array(3, 30_001), dim=1), call(array(3001, 40), dim=0)],
    "cumsum": [call(array(3, 20_001), 1), call(array(3001, 20), 0)],
    "softmax": [call(array(130, 300), dim=1), call(array(3, 40_001), dim=1)],
    "log_softmax": [call(array(130, 300), dim=1), call(array(3, 40_001), dim=1)],
    "sort": [call(array(3, 10_001), dim=1, stable=True)],
    "gather": [call(array(400, 300), 1, index(400, 300, below=300))],
    "scatter_add": [call(array(400, 300), 1, index(400, 300, below=300), array(400, 300))],
    "index_select": [call(array(3001, 40), 0, index(2000, below=3001))],
    "index_add": [call(array(50, 30), 0, index(3000, below=50), array(3000, 30))],
    "matmul": [call(array(129, 257), array(257, 100)), call(array(5, 300, 310), array(5, 310, 305))],
    "linear": [call(array(129, 257), array(100, 257), array(100))],
    "layer_norm": [call(array(200, 300), (300,), array(300), array(300))],
    "batch_norm": [call(array(9, 20, 30, 30), None, None, array(20), array(20), training=True)],
    "cross_entropy": [call(array(300, 200), index(300, below=200))],
    "conv2d": [call(array(3, 8, 28, 29), array(16, 8, 3, 3), array(16), padding=1)],
    "max_pool2d": [call(array(3, 8, 50, 51, distinct=True), 2)],
    "avg_pool2d": [call(array(3, 8, 50, 51), 3, 2, 1)],
    "scaled_dot_product_attention": [
        call(array(1, 2, 150, 16), array(1, 2, 140, 16), array(1, 2, 140, 16)),
        call(array(1, 1, 300, 32), array(1, 1, 300, 32), array(1, 1, 300, 32), is_causal=True),
    ],
}


@cache
def _large(function: str, *, quick: bool) -> dict[str, list[OpCase]]:
    samples = _LARGE.get(function, [])[: 1 if quick else None]
    return harvested([Case(ops.functions[function], number, sample) for number, sample in enumerate(samples)])


def large_cases(op: str, *, quick: bool) -> list[OpCase]:
    """Return calls of an op on large operands; none if it has no sweep."""
    function = SWEEP_OF.get(op)
    return _large(function, quick=quick).get(op, [])[:6] if function else []
