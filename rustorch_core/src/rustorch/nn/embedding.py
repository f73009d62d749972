"""Tables of learned vectors."""

from __future__ import annotations

from typing import Any

from rustorch.errors import ArgumentError, ShapeError
from rustorch.nn import init
from rustorch.nn.linear import require_sizes
from rustorch.nn.module import Module
from rustorch.nn.parameter import Parameter
from rustorch.ops.creation import empty
from rustorch.ops.embedding import embedding


class Embedding(Module):
    """A table of vectors that integers look up.

    `weight` (num_embeddings, embedding_dim) starts normal, the row `padding_idx` zero.

    Shape: integers (...) to (..., embedding_dim).

    >>> import rustorch
    >>> table = rustorch.nn.Embedding(10, 3)
    >>> tuple(table(rustorch.tensor([[1, 2, 4], [4, 3, 9]])).shape)
    (2, 3, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Any = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        """Make the table.

        Args:
            num_embeddings: number of rows.
            embedding_dim: size of a row.
            padding_idx: a row that is not learned; negative ones count from the end.
            max_norm: rows that are looked up are rescaled in place to at most this norm.
            norm_type: p of that norm.
            scale_grad_by_freq: divide a row's gradient by how often it is looked up.
            sparse: not supported; gradients are dense.
            device: where the table is.
            dtype: of the table.
        """
        super().__init__()
        require_sizes("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ArgumentError(
                    f"Embedding: padding_idx must be in [{-num_embeddings}, {num_embeddings - 1}], got {padding_idx}"
                )
            padding_idx %= num_embeddings
        if sparse:
            raise ArgumentError("Embedding: sparse gradients do not exist", hint="leave sparse=False")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = padding_idx
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        if _weight is None:
            table = empty((num_embeddings, embedding_dim), device=device, dtype=dtype)
            self.weight = Parameter(table, requires_grad=not _freeze)
            self.reset_parameters()
            return
        if tuple(_weight.shape) != (num_embeddings, embedding_dim):
            raise ShapeError(
                f"Embedding: the weight must have shape {(num_embeddings, embedding_dim)}, got {tuple(_weight.shape)}"
            )
        self.weight = Parameter(_weight, requires_grad=not _freeze)

    def reset_parameters(self) -> None:
        """Draw the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.detach()[self.padding_idx] = 0

    def forward(self, input: Any) -> Any:
        """Return the rows that `input` names."""
        return embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq
        )

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, **options: Any) -> Embedding:
        """Return a table over given rows.

        Args:
            embeddings: (num_embeddings, embedding_dim).
            freeze: do not learn it.
            **options: padding_idx, max_norm, norm_type, scale_grad_by_freq.
        """
        if len(embeddings.shape) != 2:
            raise ShapeError(
                f"from_pretrained: embeddings must have 2 dims, got shape {tuple(embeddings.shape)}"
            )
        rows, size = embeddings.shape
        return cls(rows, size, _weight=embeddings, _freeze=freeze, **options)

    def extra_repr(self) -> str:
        """Return the settings that are not the default."""
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        for name, default in (
            ("padding_idx", None),
            ("max_norm", None),
            ("norm_type", 2.0),
            ("scale_grad_by_freq", False),
        ):
            if getattr(self, name) != default:
                text += f", {name}={getattr(self, name)}"
        return text
