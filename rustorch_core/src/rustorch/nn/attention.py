"""Multi-head attention."""

from __future__ import annotations

import math
from typing import Any

from rustorch import dtypes
from rustorch.base import TensorBase
from rustorch.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from rustorch.nn import init
from rustorch.nn.checks import require_positive
from rustorch.nn.linear import Linear
from rustorch.nn.module import Module
from rustorch.nn.parameter import Parameter
from rustorch.ops.attention import scaled_dot_product_attention, scores_of, weights_of
from rustorch.ops.creation import empty
from rustorch.ops.dropout import dropout
from rustorch.ops.joining import cat
from rustorch.ops.linalg import linear
from rustorch.ops.padding import pad
from rustorch.ops.select import where


class MultiheadAttention(Module):
    """Attention of several heads at once (Vaswani et al., "Attention is all you need", 2017).

    Queries, keys and values are mapped affinely, split into `num_heads` parts of their features, attended
    separately, joined and mapped again.  Parameters have PyTorch's names: `in_proj_weight` (3 embed_dim,
    embed_dim) and `in_proj_bias`, or `q_proj_weight`, `k_proj_weight`, `v_proj_weight` where the sizes of
    keys or values differ, and the module `out_proj`.

    >>> import rustorch
    >>> attention = rustorch.nn.MultiheadAttention(8, num_heads=2, batch_first=True)
    >>> x = rustorch.ones(1, 5, 8)
    >>> output, weights = attention(x, x, x)
    >>> tuple(output.shape), tuple(weights.shape)
    ((1, 5, 8), (1, 5, 5))
    """

    in_proj_weight: Any
    in_proj_bias: Any
    q_proj_weight: Any
    k_proj_weight: Any
    v_proj_weight: Any
    bias_k: Any
    bias_v: Any

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        """Make the layer.

        Args:
            embed_dim: features of queries and of the result; a multiple of `num_heads`.
            num_heads: how many heads.
            dropout: probability of zeroing a weight, in training.
            bias: whether the maps have one.
            add_bias_kv: append a learned key and value to the sequences.
            add_zero_attn: append a key and value of zeros.
            kdim: features of keys; `embed_dim` if None.
            vdim: features of values; `embed_dim` if None.
            batch_first: sequences are (N, L, features) and not (L, N, features).
            device: where the parameters are.
            dtype: of the parameters.
        """
        super().__init__()
        require_positive("MultiheadAttention", embed_dim=embed_dim, num_heads=num_heads)
        if embed_dim % num_heads:
            raise ArgumentError(
                f"MultiheadAttention: num_heads must divide embed_dim, got {num_heads} and {embed_dim}"
            )
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.head_dim = embed_dim // num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.add_zero_attn = add_zero_attn
        self._qkv_same_embed_dim = self.kdim == self.vdim == embed_dim
        same = self._qkv_same_embed_dim
        shapes = {
            "q_proj_weight": None if same else (embed_dim, embed_dim),
            "k_proj_weight": None if same else (embed_dim, self.kdim),
            "v_proj_weight": None if same else (embed_dim, self.vdim),
            "in_proj_weight": (3 * embed_dim, embed_dim) if same else None,
            "in_proj_bias": (3 * embed_dim,) if bias else None,
            "bias_k": (1, 1, embed_dim) if add_bias_kv else None,
            "bias_v": (1, 1, embed_dim) if add_bias_kv else None,
        }
        for name, shape in shapes.items():
            made = None if shape is None else Parameter(empty(shape, dtype=dtype, device=device))
            self.register_parameter(name, made)
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, dtype=dtype, device=device)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters of the maps anew; biases become zero."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)
        for vector in (self.bias_k, self.bias_v):
            if vector is not None:
                init.xavier_normal_(vector)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        """Attend.

        Args:
            query: (L, N, embed_dim), or (N, L, embed_dim) if batch_first, or (L, embed_dim).
            key: (S, N, kdim) or likewise.
            value: (S, N, vdim) or likewise.
            key_padding_mask: (N, S) or (S,): True where a key is to be ignored, or a number added to the
                scores.
            need_weights: return the attention weights as well; False is faster.
            attn_mask: (L, S) or (N num_heads, L, S): True where a key must *not* be seen, or a number added
                to the scores.
            average_attn_weights: return the mean over the heads.
            is_causal: a hint that `attn_mask` is the causal one, which must be given all the same.

        Returns:
            The result in query's form, and the weights (N, L, S), or (N, num_heads, L, S) if not averaged,
            without N for an unbatched input; or None.

        Raises:
            ShapeError, DTypeError, ArgumentError: if operands or masks do not fit.
        """
        self._check(query, key, value)
        if is_causal and attn_mask is None:
            raise ArgumentError("MultiheadAttention: is_causal is a hint and needs attn_mask")
        batched = len(query.shape) == 3
        q, k, v = self._project(query, key, value)
        if not batched:
            q, k, v = (x.unsqueeze(0) for x in (q, k, v))
            key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
        elif not self.batch_first:
            q, k, v = (x.transpose(0, 1) for x in (q, k, v))
        causal = is_causal and not need_weights and key_padding_mask is None
        extra = (self.bias_k is not None) + self.add_zero_attn
        causal = causal and not extra
        mask = None if causal else self._mask(q, k, attn_mask, key_padding_mask)
        if extra:
            k, v = self._extended(k, v)
            mask = None if mask is None else pad(mask, (0, extra))
        heads = [x.unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2) for x in (q, k, v)]
        output, weights = self._attend(heads, mask, need_weights=need_weights, causal=causal)
        output = output.transpose(1, 2).flatten(-2)
        output = linear(output, self.out_proj.weight, self.out_proj.bias)
        if weights is not None and average_attn_weights:
            weights = weights.mean(1)
        if not batched:
            return output.squeeze(0), None if weights is None else weights.squeeze(0)
        return output if self.batch_first else output.transpose(0, 1), weights

    def _check(self, query: Any, key: Any, value: Any) -> None:
        name = "MultiheadAttention"
        for x, what in ((query, "query"), (key, "key"), (value, "value")):
            if not isinstance(x, TensorBase):
                raise ArgumentTypeError(f"{name}: {what} must be a tensor, got {type(x).__name__}")
        shapes = [tuple(x.shape) for x in (query, key, value)]
        ranks = {len(s) for s in shapes}
        if ranks not in ({2}, {3}):
            raise ShapeError(
                f"{name}: query, key and value must all have 3 dims, or 2 unbatched, got {shapes}"
            )
        if [s[-1] for s in shapes] != [self.embed_dim, self.kdim, self.vdim]:
            wanted = (self.embed_dim, self.kdim, self.vdim)
            raise ShapeError(f"{name}: the last sizes of query, key and value must be {wanted}, got {shapes}")
        if shapes[1][:-1] != shapes[2][:-1]:
            raise ShapeError(f"{name}: key and value must have one length and batch, got {shapes[1:]}")
        batch = 0 if self.batch_first else 1
        if len(shapes[0]) == 3 and shapes[0][batch] != shapes[1][batch]:
            raise ShapeError(f"{name}: query and key must have one batch size, got {shapes[:2]}")

    def _project(self, query: Any, key: Any, value: Any) -> Any:
        """Return the mapped queries, keys and values; with one product where they are the same tensor."""
        bias = self.in_proj_bias
        if self._qkv_same_embed_dim:
            weight: Any = self.in_proj_weight
            if query is key and key is value:
                return linear(query, weight, bias).chunk(3, -1)
            weights = weight.chunk(3, 0)
        else:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        biases: Any = (None,) * 3 if bias is None else bias.chunk(3, 0)
        return [linear(*operands) for operands in zip((query, key, value), weights, biases, strict=True)]

    def _extended(self, k: Any, v: Any) -> tuple[Any, Any]:
        n, _, e = k.shape
        if self.bias_k is not None:
            k, v = (cat([x, b.expand((n, 1, e))], 1) for x, b in ((k, self.bias_k), (v, self.bias_v)))
        if self.add_zero_attn:
            k, v = (cat([x, x.new_zeros((n, 1, e))], 1) for x in (k, v))
        return k, v

    def _mask(self, q: Any, k: Any, attn_mask: Any, key_padding_mask: Any) -> Any:
        """Return both masks as numbers to add to the scores (N, heads, L, S), or None."""
        (n, length, _), source = q.shape, k.shape[1]
        total = None
        if attn_mask is not None:
            shapes = [(length, source), (n * self.num_heads, length, source)]
            mask = _additive("attn_mask", attn_mask, q, shapes)
            total = mask if len(mask.shape) == 2 else mask.unflatten(0, (n, self.num_heads))
        if key_padding_mask is not None:
            mask = _additive("key_padding_mask", key_padding_mask, q, [(n, source)])
            mask = mask.reshape((n, 1, 1, source))
            total = mask if total is None else total + mask
        return total

    def _attend(self, heads: list[Any], mask: Any, *, need_weights: bool, causal: bool) -> tuple[Any, Any]:
        p = self.dropout if self.training else 0.0
        if not need_weights:
            q, k, v = heads
            return scaled_dot_product_attention(q, k, v, mask, p, causal), None
        q, k, v = heads
        weights, _ = weights_of(scores_of(q, k, mask, causal=False, scale=1 / math.sqrt(self.head_dim)))
        if p:
            weights = dropout(weights, p)
        return weights.matmul(v), weights

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"embed_dim={self.embed_dim}, num_heads={self.num_heads}"


def _additive(what: str, mask: Any, like: Any, shapes: list[tuple[int, ...]]) -> Any:
    """Return a mask as numbers to add, minus infinity where a bool mask is True."""
    name = f"MultiheadAttention: {what}"
    if not isinstance(mask, TensorBase):
        raise ArgumentTypeError(f"{name} must be a tensor, got {type(mask).__name__}")
    if tuple(mask.shape) not in shapes:
        raise ShapeError(f"{name} must have shape {' or '.join(map(str, shapes))}, got {tuple(mask.shape)}")
    if mask.dtype is dtypes.bool_:
        hidden: Any = mask
        return where(hidden, -math.inf, like.new_zeros(()))
    if mask.dtype.category != dtypes.FLOAT:
        raise DTypeError(f"{name} must be bool or floating-point, got {mask.dtype.name}")
    return mask.to(like.dtype)
