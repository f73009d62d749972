"""The text of ``Model.summary()``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from rustorch.nn.parameter import UninitializedTensor


class Row(NamedTuple):
    """One layer in the table."""

    layer: str
    shape: str
    parameters: str


def shape_text(output: Any) -> str:
    """Return the shape of an output with the batch left open: ``(N, 64)``."""
    if isinstance(output, (tuple, list)):
        return ", ".join(map(shape_text, output))
    if not hasattr(output, "shape"):
        return type(output).__name__
    sizes = ["N", *map(str, output.shape[1:])] if len(output.shape) else []
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def count_text(parameters: Iterable[Any]) -> str:
    """Return the number of elements, or ``?`` while a lazy module does not know its sizes."""
    parameters = list(parameters)
    if any(isinstance(p, UninitializedTensor) for p in parameters):
        return "?"
    return f"{sum(p.shape.elements for p in parameters):,}"


def table(title: str, rows: list[Row], footer: list[str]) -> str:
    """Return the table as text."""
    head = Row("Layer", "Output shape", "Parameters")
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(3)]

    def line(row: Row) -> str:
        return f"{row.layer:<{widths[0]}}  {row.shape:<{widths[1]}}  {row.parameters:>{widths[2]}}"

    rule = "-" * max(len(line(head)), *map(len, footer), len(title))
    return "\n".join([title, rule, line(head), rule, *map(line, rows), rule, *footer])


def totals(model: Any, *, built: bool) -> list[str]:
    """Return the lines under the table."""
    if not built:
        return [
            "Not built yet: shapes and parameters are known after the first batch, or build(input_shape)."
        ]
    unique = list(model.parameters())
    total = sum(p.shape.elements for p in unique)
    trainable = sum(p.shape.elements for p in unique if p.requires_grad)
    size = sum(p.nbytes for p in unique)
    return [
        f"Parameters: {total:,} ({_bytes(size)})",
        f"Trainable:  {trainable:,}",
        f"Fixed:      {total - trainable:,}",
    ]


def _bytes(count: float) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count /= 1024
    return f"{count:.4g} GB"
