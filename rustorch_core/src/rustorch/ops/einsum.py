"""Einstein summation: parsing, and contraction of pairs as batched matrix products."""

from __future__ import annotations

from typing import Any

from rustorch.errors import ArgumentError, ShapeError


def contract(equation: str, operands: list[Any]) -> Any:
    """Return the contraction; see :func:`rustorch.einsum`."""
    inputs, output = _parse(equation, operands)
    sizes: dict[str, int] = {}
    for labels, x in zip(inputs, operands, strict=True):
        for label, size in zip(labels, x.shape, strict=True):
            if sizes.setdefault(label, size) != size:
                raise ShapeError(
                    f"einsum: index {label!r} has sizes {sizes[label]} and {size} in {equation!r}"
                )
    ready = [_diagonals(labels, x) for labels, x in zip(inputs, operands, strict=True)]
    labels, result = ready[0]
    for position, (more, x) in enumerate(ready[1:], 2):
        later = set(output).union(*(set(ls) for ls, _ in ready[position:]))
        labels, result = _pair(labels, result, more, x, later, sizes)
    gone = [i for i, label in enumerate(labels) if label not in output]
    if gone:
        result = result.sum(gone)
        labels = [label for label in labels if label in output]
    return result.permute([labels.index(label) for label in output])


def _parse(equation: str, operands: list[Any]) -> tuple[list[list[str]], list[str]]:
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ArgumentError(f"einsum: {equation!r} has {len(terms)} operands, got {len(operands)}")
    extra = max(
        (
            len(x.shape) - len(t.replace("...", ""))
            for t, x in zip(terms, operands, strict=True)
            if "..." in t
        ),
        default=0,
    )
    dots = [f".{i}" for i in range(extra)]
    inputs = []
    for term, x in zip(terms, operands, strict=True):
        count = len(x.shape) - len(term.replace("...", ""))
        labels = _labels(term, dots[extra - count :] if count > 0 else [], equation)
        if len(labels) != len(x.shape):
            raise ShapeError(
                f"einsum: term {term!r} names {len(labels)} dims, the operand has shape {tuple(x.shape)}"
            )
        inputs.append(labels)
    if arrow:
        output = _labels(right, dots, equation)
    else:
        flat = [label for labels in inputs for label in labels]
        output = dots + sorted(label for label in set(flat) if flat.count(label) == 1 and label not in dots)
    unknown = set(output) - {label for labels in inputs for label in labels}
    if unknown or len(set(output)) != len(output):
        raise ArgumentError(
            f"einsum: the output of {equation!r} must name indices of the operands, each once"
        )
    return inputs, output


def _labels(term: str, dots: list[str], equation: str) -> list[str]:
    before, ellipsis, after = term.partition("...")
    if not (before + after).isalpha() and before + after:
        raise ArgumentError(f"einsum: indices are letters, got {equation!r}")
    return [*before, *(dots if ellipsis else []), *after]


def _diagonals(labels: list[str], x: Any) -> tuple[list[str], Any]:
    """Replace repeated indices of one operand by diagonals."""
    names = list(labels)
    while len(set(names)) != len(names):
        label = next(n for n in names if names.count(n) > 1)
        first = names.index(label)
        second = names.index(label, first + 1)
        x = x.diagonal(0, first, second)
        names = [n for i, n in enumerate(names) if i not in (first, second)] + [label]
    return names, x


def _pair(
    a_labels: list[str], a: Any, b_labels: list[str], b: Any, later: set[str], sizes: dict[str, int]
) -> tuple[list[str], Any]:
    """Contract two operands over the indices that nothing later needs."""
    shared = [n for n in a_labels if n in b_labels]
    batch = [n for n in shared if n in later]
    summed = [n for n in shared if n not in later]
    a_only = [n for n in a_labels if n not in b_labels]
    b_only = [n for n in b_labels if n not in a_labels]

    def arranged(x: Any, labels: list[str], groups: tuple[list[str], ...]) -> Any:
        order = [labels.index(n) for group in groups for n in group]
        shape = [sizes[n] for n in groups[0]]
        for group in groups[1:]:
            product = 1
            for n in group:
                product *= sizes[n]
            shape.append(product)
        return x.permute(order).reshape(shape)

    left = arranged(a, a_labels, (batch, a_only, summed))
    right = arranged(b, b_labels, (batch, summed, b_only))
    result = left.matmul(right)
    labels = batch + a_only + b_only
    return labels, result.reshape([sizes[n] for n in labels])
