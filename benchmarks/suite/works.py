"""What is timed: each work by name, with its target, its cost, and how a library does it once.

A work is built in a process of its own, with the library as argument, and returns a function without
arguments.  The sizes are those that users have; they were chosen before the kernels were tuned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import models

Step = Callable[[], Any]


@dataclass(frozen=True)
class Work:
    """One work.

    Attributes:
        build: given (lib, wrap), returns the step; `wrap` compiles a module or function, or does nothing.
        target: PyTorch's time over ours that is aimed at; 0 if none.
        flops: arithmetic of one step, to compare with the machine's peak; 0 if not known.
        nbytes: memory traffic that cannot be avoided, to compare with its copy bandwidth; 0 if not known.
        jax: the name of its definition in jax_works.py, or "".
        numpy: given the module NumPy, returns the step; None if NumPy has no such thing.
        training: whether it is a training step, so that peak memory and the first step count.
    """

    build: Callable[[Any, Callable[[Any], Any]], Step]
    target: float = 0.0
    flops: float = 0.0
    nbytes: float = 0.0
    jax: tuple[Any, ...] = ()
    numpy: Callable[[Any], Step] | None = None
    training: bool = False


def gemm(m: int, k: int, n: int, target: float = 2.0) -> Work:
    """Multiply an m x k by a k x n matrix in float32."""

    def build(lib: Any, wrap: Callable[[Any], Any]) -> Step:
        a, b = lib.randn(m, k), lib.randn(k, n)
        function = wrap(lib.matmul)
        return lambda: function(a, b)

    def with_numpy(np: Any) -> Step:
        rng = np.random.default_rng(0)
        a, b = (rng.standard_normal(s, np.float32) for s in ((m, k), (k, n)))
        return lambda: a @ b

    return Work(build, target, flops=2.0 * m * k * n, jax=("gemm", m, k, n), numpy=with_numpy)


def elementwise(name: str, count: int, target: float, *, operands: int = 1) -> Work:
    """Apply a function to `count` elements of float32."""

    def build(lib: Any, wrap: Callable[[Any], Any]) -> Step:
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
        nbytes=4.0 * count * (operands + 1) if name in ("add", "mul", "relu") else 0.0,
        jax=("elementwise", name, count, operands),
        numpy=None if name == "gelu" else with_numpy,
    )


def rows(name: str, count: int, length: int, target: float) -> Work:
    """Reduce or normalise rows of float32."""

    def build(lib: Any, wrap: Callable[[Any], Any]) -> Step:
        x = lib.randn(count, length)
        functions = {
            "sum": lambda x: x.sum(-1),
            "sum of columns": lambda x: x.sum(0),
            "softmax": lambda x: lib.softmax(x, -1),
            "layer_norm": lambda x: lib.nn.functional.layer_norm(x, (length,)),
        }
        function = wrap(functions[name])
        return lambda: function(x)

    traffic = 1 if name.startswith("sum") else 2
    return Work(build, target, nbytes=4.0 * count * length * traffic, jax=("rows", name, count, length))


def small_add(*, grad: bool) -> Work:
    """Add two vectors of 16 elements: what an operation costs beyond its arithmetic."""

    def build(lib: Any, wrap: Callable[[Any], Any]) -> Step:
        a, b = lib.ones(16, requires_grad=grad), lib.ones(16)
        function = wrap(lib.add)
        return (lambda: a + b) if function is lib.add else (lambda: function(a, b))

    def with_numpy(np: Any) -> Step:
        a = np.ones(16, np.float32)
        return lambda: a + a

    return Work(
        build, 1.0, jax=() if grad else ("elementwise", "add", 16, 2), numpy=None if grad else with_numpy
    )


def training(
    model: Callable[[Any], Any],
    batch: Callable[[Any], tuple[Any, Any]],
    target: float,
    jax: tuple[Any, ...] = (),
    *,
    flops: float = 0.0,
) -> Work:
    """One step of Adam on cross-entropy: forward, backward, update."""

    def build(lib: Any, wrap: Callable[[Any], Any]) -> Step:
        lib.manual_seed(0)
        net = model(lib)
        optimizer = lib.optim.Adam(net.parameters(), lr=1e-3)
        compiled = wrap(net)
        x, y = batch(lib)

        def step() -> None:
            optimizer.zero_grad()
            out = compiled(x)
            loss = lib.nn.functional.cross_entropy(out.reshape(-1, out.shape[-1]), y.reshape(-1))
            loss.backward()
            optimizer.step()

        return step

    return Work(build, target, flops=flops, jax=jax, training=True)


def inference(model: Callable[[Any], Any], batch: Callable[[Any], tuple[Any, Any]], target: float) -> Work:
    """A forward pass without gradients, in evaluation mode."""

    def build(lib: Any, wrap: Callable[[Any], Any]) -> Step:
        lib.manual_seed(0)
        net = model(lib).eval()
        compiled = wrap(net)
        x, _ = batch(lib)

        def step() -> Any:
            with lib.no_grad():
                return compiled(x)

        return step

    return Work(build, target)


def _features(batch: int, *shape: int) -> Callable[[Any], tuple[Any, Any]]:
    return lambda lib: (lib.randn(batch, *shape), lib.randint(0, 10, (batch,)))


def _tokens(batch: int, length: int, vocabulary: int = 96) -> Callable[[Any], tuple[Any, Any]]:
    def make(lib: Any) -> tuple[Any, Any]:
        return lib.randint(0, vocabulary, (batch, length)), lib.randint(0, vocabulary, (batch, length))

    return make


def _mlp(sizes: tuple[int, ...], batch: int, target: float) -> Work:
    return training(
        lambda lib: models.mlp(lib, sizes), _features(batch, sizes[0]), target, ("mlp", sizes, batch)
    )


def _gpt(width: int, layers: int, length: int, batch: int, heads: int, target: float) -> Work:
    def model(lib: Any) -> Any:
        return models.gpt(lib, width=width, layers=layers, length=length, heads=heads, vocabulary=96)

    return training(model, _tokens(batch, length), target, ("gpt", width, layers, length, batch, heads))


GPT = "GPT d=128 L=4 T=128, batch 16, train"
WORKS: dict[str, Work] = {
    **{f"gemm {n}": gemm(n, n, n) for n in (128, 256, 512, 1024, 2048)},
    "gemm 2048x64x2048": gemm(2048, 64, 2048),
    "gemm 64x2048x64": gemm(64, 2048, 64),
    "gemm 32x1024x1024": gemm(32, 1024, 1024),
    "add 16": small_add(grad=False),
    "add 16, with grad": small_add(grad=True),
    **{f"{f} {n}M": elementwise(f, n * 10**6, 4.0 if n == 10 else 1.0, operands=1 if f == "relu" else 2)
       for n in (1, 6, 10) for f in ("add", "mul", "relu")},
    **{f"{f} {n}M": elementwise(f, n * 10**6, 3.0 if f == "tanh" else 1.3)
       for n in (1, 6) for f in ("exp", "gelu", "tanh")},
    **{f"{f} {r}x{c}": rows(f, r, c, 1.3)
       for r, c in ((4096, 256), (2048, 2048)) for f in ("sum", "sum of columns", "softmax", "layer_norm")},
    "MLP 64-32-10, batch 32, train": _mlp((64, 32, 10), 32, 1.3),
    "MLP 784-128-64-10, batch 64, train": _mlp((784, 128, 64, 10), 64, 1.7),
    "MLP 784-512-512-10, batch 256, train": _mlp((784, 512, 512, 10), 256, 2.3),
    "LeNet, batch 64, train": training(models.lenet, _features(64, 1, 28, 28), 1.7, ("lenet", 64)),
    "ResNet-18, batch 16, train": training(models.resnet18, _features(16, 3, 32, 32), 1.3),
    "ResNet-18, batch 16, inference": inference(models.resnet18, _features(16, 3, 32, 32), 1.1),
    "GPT d=384 L=6 T=64, batch 8, train": _gpt(384, 6, 64, 8, 6, 2.0),
    GPT: _gpt(128, 4, 128, 16, 4, 1.8),
    "LSTM 128-256x2 T=50, batch 32, train": training(models.lstm, _features(32, 50, 128), 1.5, ("lstm", 32, 50)),
}  # fmt: skip
