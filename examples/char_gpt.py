"""A small GPT that learns to write Python, character by character, from the standard library's sources.

Training can be interrupted at any time and resumed; the resumed run continues bit for bit as the
uninterrupted one would have.  Run:

    python examples/char_gpt.py --steps 600
    python examples/char_gpt.py --steps 600 --resume      # after an interruption
"""

from __future__ import annotations

import argparse
import math
import sysconfig
import time
from collections import Counter
from pathlib import Path

import numpy as np

import rustorch
from rustorch import nn, optim
from rustorch.nn import functional as F

MODULES = (
    "argparse ast bisect calendar collections/__init__ configparser contextlib copy csv dataclasses difflib enum "
    "fractions functools heapq inspect json/decoder json/encoder logging/__init__ os pathlib pickle pprint random "
    "shutil statistics string subprocess tarfile tempfile textwrap threading tokenize traceback typing unittest/case"
).split()


class Block(nn.Module):
    """Pre-norm transformer block: causal self-attention, then a two-layer perceptron."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: rustorch.Tensor) -> rustorch.Tensor:
        batch, length, width = x.shape
        parts = self.qkv(self.norm1(x)).reshape(batch, length, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class CharGPT(nn.Module):
    """Decoder-only transformer over characters (Radford et al., 2019, in miniature)."""

    def __init__(
        self, vocabulary: int, context: int, width: int = 96, depth: int = 3, heads: int = 4
    ) -> None:
        super().__init__()
        self.context = context
        self.characters = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, ids: rustorch.Tensor) -> rustorch.Tensor:
        x = self.characters(ids) + self.positions(rustorch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def corpus() -> str:
    """Return the sources of some standard library modules as one text."""
    root = Path(sysconfig.get_paths()["stdlib"])
    texts = [
        (root / f"{name}.py").read_text(encoding="utf-8")
        for name in MODULES
        if (root / f"{name}.py").exists()
    ]
    return "\n".join(texts)


def unigram_entropy(text: str) -> float:
    """Return the loss (nats per character) of guessing by frequency alone."""
    total = len(text)
    return -sum(n / total * math.log(n / total) for n in Counter(text).values())


def batch_at(step: int, data: np.ndarray, size: int, context: int) -> tuple[rustorch.Tensor, rustorch.Tensor]:
    """Return the batch of a step; it depends on the step alone, so that a resumed run sees the same data."""
    starts = np.random.default_rng([7, step]).integers(0, len(data) - context - 1, size)
    rows = np.stack([data[s : s + context + 1] for s in starts])
    return rustorch.tensor(rows[:, :-1]), rustorch.tensor(rows[:, 1:])


@rustorch.no_grad()
def sample(model: CharGPT, prompt: str, index: dict[str, int], count: int, temperature: float = 0.7) -> str:
    """Return the prompt continued by `count` sampled characters."""
    model.eval()
    letters = {i: c for c, i in index.items()}
    ids = [index[c] for c in prompt]
    generator = rustorch.Generator().manual_seed(1)
    for _ in range(count):
        logits = model(rustorch.tensor([ids[-model.context :]]))[0, -1] / temperature
        ids.append(int(rustorch.multinomial(logits.softmax(0), 1, generator=generator)))
    model.train()
    return "".join(letters[i] for i in ids)


def main() -> None:
    """Train, write checkpoints, print the loss beside the unigram entropy, and print a sample."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--context", type=int, default=64)
    parser.add_argument("--checkpoint", type=Path, default=Path("char-gpt.safetensors"))
    parser.add_argument("--every", type=int, default=100, help="steps between checkpoints and reports")
    parser.add_argument("--resume", action="store_true", help="continue from the checkpoint")
    parser.add_argument(
        "--stop-after", type=int, default=None, help="leave at this step, as an interruption would"
    )
    options = parser.parse_args()

    rustorch.manual_seed(0)
    text = corpus()
    index = {c: i for i, c in enumerate(sorted(set(text)))}
    data = np.array([index[c] for c in text], dtype=np.int64)
    model = CharGPT(len(index), options.context)
    optimizer = optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=options.steps, eta_min=1e-4)
    entropy = unigram_entropy(text)
    first = 0
    if options.resume:
        state = rustorch.utils.load_checkpoint(options.checkpoint, model, optimizer, scheduler)
        first = state["epoch"]
        print(f"resumed at step {first}")
    parameters = sum(p.numel() for p in model.parameters())
    print(
        f"{len(text):,} characters, {len(index)} different; {parameters:,} parameters; unigram entropy {entropy:.3f}"
    )

    loss_value, began = float("nan"), time.perf_counter()
    last = options.steps if options.stop_after is None else options.stop_after
    for step in range(first, last):
        inputs, targets = batch_at(step, data, options.batch, options.context)
        loss = F.cross_entropy(model(inputs).reshape(-1, len(index)), targets.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        done = step + 1
        if done % options.every == 0 or done == last:
            loss_value = loss.item()
            rustorch.utils.save_checkpoint(
                model, optimizer, done, loss_value, options.checkpoint, scheduler=scheduler
            )
            rate = (done - first) / (time.perf_counter() - began)
            print(
                f"step {done:5d}  loss {loss_value:.4f}  (unigram {entropy:.3f})  {rate:.1f} steps/s",
                flush=True,
            )
    print(f"final loss {loss_value!r}\n\n{sample(model, 'def ', index, 300)}")


if __name__ == "__main__":
    main()
