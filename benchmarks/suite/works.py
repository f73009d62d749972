"""What is timed: each work by name, in sections.

The sizes are those that users have; they were chosen before the kernels were tuned.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import models
from kinds import (
    Work,
    batched,
    elementwise,
    gemm,
    images,
    inference,
    layout,
    rows,
    small_add,
    texts,
    training,
)


def _mlp(kind: Callable[..., Work], sizes: tuple[int, ...], batch: int, target: float = 0.0) -> Work:
    flops = models.mlp_flops(sizes, batch)
    return kind(
        partial(models.mlp, sizes=sizes), images(batch, sizes[0]), target, flops, ("mlp", sizes, batch)
    )


def _lenet(kind: Callable[..., Work], batch: int, target: float = 0.0) -> Work:
    return kind(models.lenet, images(batch, 1, 28, 28), target, models.lenet_flops(batch), ("lenet", batch))


def _resnet(kind: Callable[..., Work], batch: int, target: float = 0.0) -> Work:
    return kind(
        models.resnet18, images(batch, 3, 32, 32), target, models.resnet18_flops(batch), ("resnet18", batch)
    )


def _gpt(kind: Callable[..., Work], target: float = 0.0, *, batch: int, **sizes: Any) -> Work:
    flops = models.gpt_flops(**sizes, batch=batch)
    model = partial(models.gpt, **sizes)
    return kind(model, texts(batch, sizes["length"]), target, flops, ("gpt", *sizes.values(), batch))


def _lstm(kind: Callable[..., Work], batch: int, length: int, target: float = 0.0) -> Work:
    flops = models.lstm_flops(batch, length)
    return kind(models.lstm, images(batch, length, 128), target, flops, ("lstm", batch, length))


#: The training step that is also timed beside a busy core, and what it may take then over its quiet time.
GPT, BUSY_TARGET = "GPT d=128 L=4 T=128, batch 16, train", 2.2
#: What is aimed at in every training step: our peak memory over PyTorch's, PyTorch's first step over ours.
MEMORY_TARGET, FIRST_TARGET = 1.0, 3.0
#: ... and in every product of matrices: the time of the best of JAX and oneDNN over ours.
BEST_TARGET = 0.95
_SMALL_MLP, _MIDDLE_MLP, _LARGE_MLP = (64, 32, 10), (784, 128, 64, 10), (784, 512, 512, 10)
_SMALL_GPT = {"width": 128, "layers": 4, "length": 128, "heads": 4}
_LARGE_GPT = {"width": 384, "layers": 6, "length": 64, "heads": 6}

SECTIONS: dict[str, dict[str, Work]] = {
    "Products of matrices": {
        **{f"gemm {n}": gemm(n, n, n) for n in (128, 256, 512, 1024, 2048)},
        **{f"gemm {m}x{k}x{n}": gemm(m, k, n)
           for m, k, n in ((2048, 64, 2048), (64, 2048, 64), (32, 1024, 1024), (333, 517, 259))},
        "gemm 1024 float64": gemm(1024, 1024, 1024, 0.0, "float64"),
        "gemm 1024 bfloat16": gemm(1024, 1024, 1024, 0.0, "bfloat16"),
        "batched gemm 96x128x64x128": batched(96, 128, 64, 128),
    },
    "Overhead": {"add 16": small_add(grad=False), "add 16, with grad": small_add(grad=True)},
    "Elementwise": {
        **{f"{f} {n}M": elementwise(f, n * 10**6, 4.0 if n == 10 else 1.0, operands=1 if f == "relu" else 2)
           for n in (1, 6, 10) for f in ("add", "mul", "relu")},
        **{f"{f} {n}M": elementwise(f, n * 10**6, 3.0 if f == "tanh" else 1.3)
           for n in (1, 6) for f in ("exp", "gelu", "tanh")},
        **{f"add 1500x1500, {name}": layout(name, 1500, 1.0)
           for name in ("transposed", "row", "column", "every second")},
    },
    "Reductions and normalisations": {
        f"{f} {r}x{c}": rows(f, r, c, 1.3)
        for r, c in ((4096, 256), (2048, 2048)) for f in ("sum", "sum of columns", "softmax", "layer_norm")
    },
    "Training steps": {
        "MLP 64-32-10, batch 32, train": _mlp(training, _SMALL_MLP, 32, 1.3),
        "MLP 784-128-64-10, batch 64, train": _mlp(training, _MIDDLE_MLP, 64, 1.7),
        "MLP 784-512-512-10, batch 256, train": _mlp(training, _LARGE_MLP, 256, 2.3),
        "LeNet, batch 64, train": _lenet(training, 64, 1.7),
        "ResNet-18, batch 16, train": _resnet(training, 16, 1.3),
        "GPT d=384 L=6 T=64, batch 8, train": _gpt(training, 2.0, batch=8, **_LARGE_GPT),
        GPT: _gpt(training, 1.8, batch=16, **_SMALL_GPT),
        "LSTM 128-256x2 T=50, batch 32, train": _lstm(training, 32, 50, 1.5),
    },
    "Inference": {
        "MLP 64-32-10, batch 1, inference": _mlp(inference, _SMALL_MLP, 1),
        "MLP 784-128-64-10, batch 1, inference": _mlp(inference, _MIDDLE_MLP, 1),
        "LeNet, batch 1, inference": _lenet(inference, 1),
        "ResNet-18, batch 1, inference": _resnet(inference, 1),
        "ResNet-18, batch 16, inference": _resnet(inference, 16, 1.1),
        "GPT d=128 L=4 T=128, batch 1, inference": _gpt(inference, batch=1, **_SMALL_GPT),
        "LSTM 128-256x2 T=50, batch 1, inference": _lstm(inference, 1, 50),
    },
}  # fmt: skip
WORKS: dict[str, Work] = {name: work for section in SECTIONS.values() for name, work in section.items()}
