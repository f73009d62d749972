"""The networks that are timed, written once for RusTorch and PyTorch: `lib` is either."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

#: Kinds of tokens of the transformers.
VOCABULARY = 96


@dataclass(frozen=True)
class Flops:
    """The arithmetic of products and convolutions, a multiplication and an addition counted as two.

    Attributes:
        forward: of a forward pass.
        first: the part of it in the first layer, to whose input no gradient flows.
    """

    forward: float
    first: float = 0.0

    @property
    def step(self) -> float:
        """That of a training step: each product has two more in the backward pass."""
        return 3 * self.forward - self.first


def mlp(lib: Any, sizes: tuple[int, ...]) -> Any:
    """A perceptron with ReLU between its layers."""
    nn = lib.nn
    layers = [layer for n, m in pairwise(sizes) for layer in (nn.Linear(n, m), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def mlp_flops(sizes: tuple[int, ...], batch: int) -> Flops:
    """Count it."""
    layers = [2.0 * batch * n * m for n, m in pairwise(sizes)]
    return Flops(sum(layers), layers[0])


def lenet(lib: Any) -> Any:
    """LeNet-5 on 28 x 28 images."""
    nn = lib.nn
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def lenet_flops(batch: int) -> Flops:
    """Count it."""
    first, second = 28 * 28 * 6 * 25, 10 * 10 * 16 * 6 * 25
    return Flops(2.0 * batch * (first + second + 400 * 120 + 120 * 84 + 84 * 10), 2.0 * batch * first)


def resnet18(lib: Any) -> Any:
    """ResNet-18 in the form for 32 x 32 images (He et al., "Deep residual learning", CVPR 2016)."""
    nn = lib.nn

    class Block(nn.Module):
        def __init__(self, inner: int, outer: int, stride: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                *(nn.Conv2d(inner, outer, 3, stride, 1, bias=False), nn.BatchNorm2d(outer), nn.ReLU()),
                *(nn.Conv2d(outer, outer, 3, 1, 1, bias=False), nn.BatchNorm2d(outer)),
            )
            same = stride == 1 and inner == outer
            self.shortcut = (
                nn.Identity()
                if same
                else nn.Sequential(nn.Conv2d(inner, outer, 1, stride, bias=False), nn.BatchNorm2d(outer))
            )

        def forward(self, x: Any) -> Any:
            return lib.relu(self.body(x) + self.shortcut(x))

    blocks = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    inner = 64
    for width, stride in [(64, 1), (128, 2), (256, 2), (512, 2)]:
        blocks += [Block(inner, width, stride), Block(width, width, 1)]
        inner = width
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def resnet18_flops(batch: int) -> Flops:
    """Count it."""
    first = 32 * 32 * 64 * 3 * 9
    stage = 32 * 32 * 64 * 64 * 9  # of one convolution: as many pixels fewer as there are more channels
    shortcuts = sum(stage / 2 / 9 for _ in range(3))
    halved = sum(stage / 2 for _ in range(3))  # the first of a stage has half the input channels
    return Flops(2.0 * batch * (first + 13 * stage + halved + shortcuts + 5120), 2.0 * batch * first)


def gpt(lib: Any, *, width: int, layers: int, length: int, heads: int) -> Any:
    """A decoder-only transformer with learned positions."""
    nn = lib.nn

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
            self.into, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: Any) -> Any:
            n, t, _ = x.shape
            parts = self.into(self.before(x)).reshape(n, t, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
            seen = nn.functional.scaled_dot_product_attention(parts[0], parts[1], parts[2], is_causal=True)
            x = x + self.out(seen.transpose(1, 2).reshape(n, t, width))
            return x + self.down(nn.functional.gelu(self.up(self.after(x))))

    class Gpt(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.places = nn.Embedding(VOCABULARY, width), nn.Embedding(length, width)
            self.body = nn.Sequential(*[Layer() for _ in range(layers)])
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, VOCABULARY)

        def forward(self, tokens: Any) -> Any:
            x = self.tokens(tokens) + self.places(lib.arange(tokens.shape[1]))
            return self.head(self.norm(self.body(x)))

    return Gpt()


def gpt_flops(*, width: int, layers: int, length: int, heads: int, batch: int) -> Flops:
    """Count it; of the scores only those that the causal mask leaves, whatever the number of heads."""
    del heads
    linear = 2.0 * 12 * width * width
    attention = 2.0 * (length + 1) * width  # two products with half of `length` positions
    return Flops(batch * length * (layers * (linear + attention) + 2.0 * width * VOCABULARY))


def lstm(lib: Any) -> Any:
    """Two LSTM layers of 256 on 128 inputs, and the last step classified."""
    nn = lib.nn

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cells = nn.LSTM(128, 256, num_layers=2, batch_first=True)
            self.head = nn.Linear(256, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.cells(x)[0][:, -1])

    return Recurrent()


def lstm_flops(batch: int, length: int) -> Flops:
    """Count it."""
    step = 2.0 * batch * 4 * 256
    return Flops(step * length * (128 + 3 * 256) + 2.0 * batch * 256 * 10, step * length * 128)
