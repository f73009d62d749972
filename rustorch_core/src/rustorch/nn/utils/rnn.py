"""Batches of sequences of different lengths, without the steps that are only padding.

Steps are stored one after another, each for the sequences that are still running; sequences are
sorted from long to short, so that these are always the first ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from rustorch.base import TensorBase
from rustorch.errors import ArgumentError, ArgumentTypeError, ShapeError
from rustorch.ops.creation import tensor
from rustorch.ops.joining import cat, stack


class PackedSequence(NamedTuple):
    """Sequences of different lengths; :func:`pack_padded_sequence` makes it.

    Attributes:
        data: (steps of all sequences, features).
        batch_sizes: int64, how many sequences run at each step.
        sorted_indices: which sequence of the batch is the n-th longest; None if they were sorted.
        unsorted_indices: the inverse of `sorted_indices`.
    """

    data: Any
    batch_sizes: Any
    sorted_indices: Any = None
    unsorted_indices: Any = None

    def padded_sorted(self) -> tuple[Any, list[int]]:
        """Return (longest, N, features), zeros after each end, sorted by length; and the lengths."""
        sizes = self.batch_sizes.tolist()
        batch, rows, start = sizes[0], [], 0
        for n in sizes:
            row = self.data[start : start + n]
            start += n
            rows.append(row if n == batch else cat([row, row.new_zeros((batch - n, *row.shape[1:]))]))
        return stack(rows), [sum(n > i for n in sizes) for i in range(batch)]

    def like(self, padded: Any) -> PackedSequence:
        """Return a padded sorted result packed in the same way."""
        sizes = self.batch_sizes.tolist()
        return self._replace(data=cat([padded[t, :n] for t, n in enumerate(sizes)]))

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Return the sequences in another dtype or on another device."""
        return self._replace(data=self.data.to(*args, **kwargs))


def _order(lengths: list[int]) -> list[int]:
    return sorted(range(len(lengths)), key=lambda i: -lengths[i])


def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Return padded sequences without their padding.

    Args:
        input: (L, N, ...), or (N, L, ...) if `batch_first`.
        lengths: of each sequence, a list or an integer tensor; at least 1.
        batch_first: how `input` is laid out.
        enforce_sorted: raise if the lengths do not decrease; False sorts them.

    >>> import rustorch
    >>> from rustorch.nn.utils.rnn import pack_padded_sequence
    >>> pack_padded_sequence(rustorch.tensor([[1, 2, 0], [3, 4, 5]]), [2, 3], True, False).batch_sizes
    tensor([2, 2, 1])
    """
    if not isinstance(input, TensorBase):
        raise ArgumentTypeError(
            f"pack_padded_sequence: the input must be a tensor, got {type(input).__name__}"
        )
    if len(input.shape) < 2:
        raise ShapeError(
            f"pack_padded_sequence: the input must have 2 dims or more, got shape {tuple(input.shape)}"
        )
    x: Any = input
    x = x.transpose(0, 1) if batch_first else x
    sizes = [int(n) for n in (lengths.tolist() if isinstance(lengths, TensorBase) else lengths)]
    if len(sizes) != x.shape[1] or not sizes or min(sizes) < 1 or max(sizes) > x.shape[0]:
        raise ArgumentError(
            f"pack_padded_sequence: {x.shape[1]} lengths between 1 and {x.shape[0]} are required, got {sizes}"
        )
    order = _order(sizes)
    picks = back = None
    if not enforce_sorted:
        picks = tensor(order, dtype="int64", device=x.device)
        back = tensor(_inverse(order), dtype="int64", device=x.device)
        x = x.index_select(1, picks)
    elif order != list(range(len(sizes))):
        raise ArgumentError(
            f"pack_padded_sequence: lengths must decrease, got {sizes}", hint="pass enforce_sorted=False"
        )
    running = [sum(n > t for n in sizes) for t in range(max(sizes))]
    data = cat([x[t, :n] for t, n in enumerate(running)])
    return PackedSequence(data, tensor(running, dtype="int64"), picks, back)


def _inverse(order: Sequence[int]) -> list[int]:
    result = [0] * len(order)
    for place, i in enumerate(order):
        result[i] = place
    return result


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Any, Any]:
    """Return the sequences padded to one length, in their first order, and their lengths.

    Args:
        sequence: packed sequences.
        batch_first: return (N, L, ...) and not (L, N, ...).
        padding_value: what stands after the end of a sequence.
        total_length: the length to pad to; that of the longest if None.
    """
    x, lengths = sequence.padded_sorted()
    longest = x.shape[0]
    if total_length is not None:
        if total_length < longest:
            raise ArgumentError(
                f"pad_packed_sequence: total_length must be at least {longest}, got {total_length}"
            )
        x = cat([x, x.new_zeros((total_length - longest, *x.shape[1:]))])
    if padding_value:
        steps = x.new_arange(x.shape[0]).unsqueeze(1)
        ended = steps >= tensor(lengths, dtype="int64", device=x.device)
        x = x.masked_fill(ended.reshape((*ended.shape, *(1,) * (len(x.shape) - 2))), padding_value)
    if sequence.unsorted_indices is not None:
        x = x.index_select(1, sequence.unsorted_indices)
        lengths = [lengths[i] for i in sequence.unsorted_indices.tolist()]
    return x.transpose(0, 1) if batch_first else x, tensor(lengths, dtype="int64")


def pad_sequence(
    sequences: Sequence[Any],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Any:
    """Return sequences (length, ...) of different lengths as one tensor, padded to the longest.

    Args:
        sequences: tensors that differ in their first size only.
        batch_first: return (N, L, ...) and not (L, N, ...).
        padding_value: what is added.
        padding_side: "right" or "left".
    """
    given = list(sequences)
    if not given or any(not isinstance(s, TensorBase) or not s.shape for s in given):
        raise ArgumentError("pad_sequence: at least one tensor of 1 dim or more is required")
    if padding_side not in ("right", "left"):
        raise ArgumentError(f"pad_sequence: padding_side must be 'right' or 'left', got {padding_side!r}")
    longest = max(s.shape[0] for s in given)
    rows = []
    for s in given:
        rest = s.new_full((longest - s.shape[0], *s.shape[1:]), padding_value)
        rows.append(cat([s, rest] if padding_side == "right" else [rest, s]))
    return stack(rows, 0 if batch_first else 1)
