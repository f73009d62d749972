"""tril and triu."""

from __future__ import annotations

import math

import pytest

import rustorch
from rustorch.errors import ShapeError


def test_infinities_outside_of_the_triangle_become_zeros() -> None:
    inf = math.inf
    full = rustorch.full((2, 2), -inf)
    assert rustorch.triu(full, diagonal=1).tolist() == [[0.0, -inf], [0.0, 0.0]]  # the usual causal mask
    assert rustorch.tril(full).tolist() == [[-inf, 0.0], [-inf, -inf]]
    assert rustorch.full((2, 2), math.nan).triu_(1)[1].tolist() == [0.0, 0.0]


def test_gradients_and_dtypes() -> None:
    x = rustorch.ones(2, 3, requires_grad=True)
    (x.tril() * 3).sum().backward()
    assert x.grad.tolist() == [[3.0, 0.0, 0.0], [3.0, 3.0, 0.0]]
    kept = rustorch.ones(2, 2, dtype=rustorch.bool).triu()
    assert kept.tolist() == [[True, True], [False, True]]
    assert kept.dtype is rustorch.bool
    assert rustorch.ones(2, 2, dtype=rustorch.uint8).tril().dtype is rustorch.uint8


def test_a_vector_is_refused() -> None:
    with pytest.raises(ShapeError, match="at least 2 dims are required"):
        rustorch.ones(3).tril()
