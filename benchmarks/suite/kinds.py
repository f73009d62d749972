"""The kinds of work that are timed, and how a library does one once.

A work is built in a worker process, with the library as argument, and returns a function without arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import models

Step = Callable[[], Any]
Wrap = Callable[[Any], Any]
Batch = Callable[[Any], tuple[Any, Any]]


@dataclass(frozen=True)
class Work:
    """One work.

    Attributes:
        build: given (lib, wrap), returns the step; `wrap` compiles a module or function, or does nothing.
        target: PyTorch's time over ours that is aimed at; 0 if none.
        limit: a method of machine.Limits and its arguments, the least that the work can take; () if not known.
        limit_target: the share of that limit that is aimed at; 0 if none.
        jax: the name of its definition in jax_works.py and its numbers, or ().
        numpy: given the module NumPy, returns the step; None if NumPy has no such thing.
        onednn: whether oneDNN's own kernel is timed too; then so much of the best of JAX and it is aimed at.
        training: whether it is a training step, so that peak memory and the first step count.
    """

    build: Callable[[Any, Wrap], Step]
    target: float = 0.0
    limit: tuple[Any, ...] = ()
    limit_target: float = 0.0
    jax: tuple[Any, ...] = ()
    numpy: Callable[[Any], Step] | None = None
    onednn: bool = False
    training: bool = False

    @property
    def alone(self) -> bool:
        """Whether each library gets a fresh process: its memory and its first step count."""
        return self.training


def gemm(m: int, k: int, n: int, target: float = 2.0, dtype: str = "float32") -> Work:
    """Multiply an m x k by a k x n matrix."""

    def build(lib: Any, wrap: Wrap) -> Step:
        a, b = (lib.randn(*size).to(getattr(lib, dtype)) for size in ((m, k), (k, n)))
        function = wrap(lib.matmul)
        return lambda: function(a, b)

    def with_numpy(np: Any) -> Step:
        rng = np.random.default_rng(0)
        a, b = (rng.standard_normal(s).astype(dtype) for s in ((m, k), (k, n)))
        return lambda: a @ b

    return Work(
        build,
        target,
        limit=("arithmetic", dtype, 2.0 * m * k * n),
        jax=("gemm", m, k, n, dtype),
        numpy=None if dtype == "bfloat16" else with_numpy,
        onednn=dtype != "float64",
    )


def batched(count: int, m: int, k: int, n: int) -> Work:
    """Multiply matrices by pairs, as attention does: the second operand is a transposed view."""

    def build(lib: Any, wrap: Wrap) -> Step:
        a, b = lib.randn(count, m, k), lib.randn(count, n, k)
        function = wrap(lambda a, b: lib.matmul(a, b.transpose(1, 2)))
        return lambda: function(a, b)

    def with_numpy(np: Any) -> Step:
        rng = np.random.default_rng(0)
        a, b = (rng.standard_normal(s, np.float32) for s in ((count, m, k), (count, n, k)))
        return lambda: a @ b.transpose(0, 2, 1)

    limit = ("arithmetic", "float32", 2.0 * count * m * k * n)
    return Work(build, limit=limit, jax=("batched", count, m, k, n), numpy=with_numpy)


def elementwise(name: str, count: int, target: float, *, operands: int = 1) -> Work:
    """Apply a function to `count` elements of float32."""

    def build(lib: Any, wrap: Wrap) -> Step:
        xs = [lib.rand(count) + 0.5 for _ in range(operands)]
        function = wrap(lib.nn.functional.gelu if name == "gelu" else getattr(lib, name))
        return lambda: function(*xs)

    def with_numpy(np: Any) -> Step:
        rng = np.random.default_rng(0)
        xs = [rng.random(count, np.float32) + np.float32(0.5) for _ in range(operands)]
        function = {"add": np.add, "mul": np.multiply, "relu": lambda x: np.maximum(x, 0)}.get(name)
        return partial(function or getattr(np, name), *xs)

    return Work(
        build,
        target,
        limit=("stream", count, operands, 1),
        limit_target=0.85 if name in ("add", "mul", "relu") else 0.0,
        jax=("elementwise", name, count, operands),
        numpy=None if name == "gelu" else with_numpy,
    )


#: Sums of a matrix and an operand that does not lie as it does, or does not have its shape.
LAYOUTS: dict[str, Callable[[Any, Any], Any]] = {
    "transposed": lambda x, y: x + y.T,
    "row": lambda x, y: x + y[0],
    "column": lambda x, y: x + y[:, :1],
    "every second": lambda x, y: x[:, ::2] + y[:, ::2],
}


def layout(name: str, size: int, target: float) -> Work:
    """Add square matrices, the second of which is a view or is broadcast."""

    def build(lib: Any, wrap: Wrap) -> Step:
        x, y = lib.randn(size, size), lib.randn(size, size)
        function = wrap(LAYOUTS[name])
        return lambda: function(x, y)

    def with_numpy(np: Any) -> Step:
        rng = np.random.default_rng(0)
        x, y = (rng.standard_normal((size, size), np.float32) for _ in range(2))
        return lambda: LAYOUTS[name](x, y)

    reads = 1 if name in ("row", "column") else 2
    # of every second element nothing is gained but the result: whole lines are read
    limit = () if name == "every second" else ("stream", size * size, reads, 1)
    return Work(build, target, limit=limit, jax=("layout", name, size), numpy=with_numpy)


def rows(name: str, count: int, length: int, target: float) -> Work:
    """Reduce or normalise rows of float32."""

    def build(lib: Any, wrap: Wrap) -> Step:
        x = lib.randn(count, length)
        functions = {
            "sum": lambda x: x.sum(-1),
            "sum of columns": lambda x: x.sum(0),
            "softmax": lambda x: lib.softmax(x, -1),
            "layer_norm": lambda x: lib.nn.functional.layer_norm(x, (length,)),
        }
        function = wrap(functions[name])
        return lambda: function(x)

    def with_numpy(np: Any) -> Step:
        x = np.random.default_rng(0).standard_normal((count, length), np.float32)
        return lambda: x.sum(0 if name == "sum of columns" else -1)

    reduces = name.startswith("sum")
    return Work(
        build,
        target,
        limit=("stream", count * length, 1, 0 if reduces else 1),
        limit_target=0.85,
        jax=("rows", name, count, length),
        numpy=with_numpy if reduces else None,
    )


def small_add(*, grad: bool) -> Work:
    """Add two vectors of 16 elements: what an operation costs beyond its arithmetic."""

    def build(lib: Any, wrap: Wrap) -> Step:
        a, b = lib.ones(16, requires_grad=grad), lib.ones(16)
        function = wrap(lib.add)
        return (lambda: a + b) if function is lib.add else (lambda: function(a, b))

    def with_numpy(np: Any) -> Step:
        a, b = np.ones(16, np.float32), np.ones(16, np.float32)
        return lambda: a + b

    jax = () if grad else ("elementwise", "add", 16, 2)
    return Work(build, 1.0, jax=jax, numpy=None if grad else with_numpy)


def training(
    model: Callable[[Any], Any], batch: Batch, target: float, flops: models.Flops, jax: tuple[Any, ...]
) -> Work:
    """One step of Adam on cross-entropy: forward, backward, update."""

    def build(lib: Any, wrap: Wrap) -> Step:
        lib.manual_seed(0)
        net = model(lib)
        # So small a rate that the ten-thousandth step is like the first: at a usual one the batch is known by
        # heart by then, units have died, and Adam's moments are denormal numbers.
        optimizer = lib.optim.Adam(net.parameters(), lr=1e-7)
        compiled = wrap(net)
        x, y = batch(lib)

        def step() -> None:
            optimizer.zero_grad()
            out = compiled(x)
            loss = lib.nn.functional.cross_entropy(out.reshape(-1, out.shape[-1]), y.reshape(-1))
            loss.backward()
            optimizer.step()

        return step

    limit = ("arithmetic", "float32", flops.step)
    return Work(build, target, limit=limit, jax=("training", *jax), training=True)


def inference(
    model: Callable[[Any], Any], batch: Batch, target: float, flops: models.Flops, jax: tuple[Any, ...]
) -> Work:
    """A forward pass without gradients, in evaluation mode."""

    def build(lib: Any, wrap: Wrap) -> Step:
        lib.manual_seed(0)
        net = model(lib).eval()
        compiled = wrap(net)
        x, _ = batch(lib)

        def step() -> Any:
            with lib.no_grad():
                return compiled(x)

        return step

    return Work(build, target, limit=("arithmetic", "float32", flops.forward), jax=("inference", *jax))


def images(batch: int, *shape: int) -> Batch:
    """Return what makes features of a shape, and one of ten classes each."""
    return lambda lib: (lib.randn(batch, *shape), lib.randint(0, 10, (batch,)))


def texts(batch: int, length: int) -> Batch:
    """Return what makes tokens, and the ones to predict."""

    def make(lib: Any) -> tuple[Any, Any]:
        tokens = (lib.randint(0, models.VOCABULARY, (batch, length)) for _ in range(2))
        return next(tokens), next(tokens)

    return make
