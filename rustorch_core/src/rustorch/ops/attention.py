"""Scaled dot-product attention (Vaswani et al., "Attention is all you need", 2017).

Scores are never kept for the backward pass: it makes them again from q, k and the logarithm of the
sum of exponentials of each row (Dao et al., "FlashAttention", 2022).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rustorch import dtypes
from rustorch.dtypes import FLOAT, DType
from rustorch.errors import ArgumentError, DTypeError, ShapeError
from rustorch.ops.dropout import dropout
from rustorch.ops.movement import expand, reshape
from rustorch.ops.op import Op
from rustorch.ops.padding import check_tensor
from rustorch.ops.public import public
from rustorch.ops.samples import array, call, mask
from rustorch.ops.select import where
from rustorch.shape import Shape, broadcast_shapes

if TYPE_CHECKING:
    from rustorch.tensor import Tensor


def _attention_rule(
    q: Any, k: Any, v: Any, mask: Any, *, causal: bool, scale: float
) -> list[tuple[Shape, DType]]:
    b, h, t, _ = q.shape
    return [(Shape((b, h, t, v.shape[-1])), q.dtype), (Shape((b, h, t)), q.dtype)]


def scores_of(q: Any, k: Any, mask: Any, *, causal: bool, scale: float) -> Any:
    """Return scale q k^T plus the mask; minus infinity where a key must not be seen."""
    s = q.matmul(k.mT) * scale
    if mask is not None:
        s = s + mask
    if causal:
        rows, columns = s.new_arange(s.shape[-2]).unsqueeze(1), s.new_arange(s.shape[-1])
        s = where(columns <= rows, s, -math.inf)
    return s


def weights_of(s: Any) -> tuple[Any, Any]:
    """Return the softmax of each row, zeros where all is minus infinity, and its log-sum-exp."""
    if s.shape[-1] == 0:
        return s, s.new_full(s.shape[:-1], -math.inf)
    top = s.detach().amax(-1, True)
    top = where(top == -math.inf, 0.0, top)
    e = (s - top).exp()
    total = e.sum(-1, True)
    return e / where(total == 0, 1.0, total), (total.log() + top).squeeze(-1)


def _attention(q: Any, k: Any, v: Any, mask: Any, *, causal: bool, scale: float) -> Any:
    """softmax(scale q k^T + mask) v for each head, and the log-sum-exp of each row of scores."""
    p, lse = weights_of(scores_of(q, k, mask, causal=causal, scale=scale))
    return p.matmul(v), lse


def _attention_backward(
    g: Any, q: Any, k: Any, v: Any, out: Any, lse: Any, mask: Any, *, causal: bool, scale: float
) -> Any:
    """The gradients of attention in q, k and v."""
    s = scores_of(q, k, mask, causal=causal, scale=scale)
    unseen = lse == -math.inf  # rows that see no key: exp(-inf + inf) would be NaN
    p = where(unseen.unsqueeze(-1), 0.0, (s - lse.unsqueeze(-1)).exp())
    ds = p * (g.matmul(v.mT) - (g * out).sum(-1, True)) * scale
    return ds.matmul(k), ds.mT.matmul(q), p.mT.matmul(g)


attention_op = Op(
    "attention",
    _attention_rule,
    decomposition=_attention,
    partner="attention_backward",
    non_differentiable=(1,),
)
attention_backward = Op(
    "attention_backward",
    lambda g, q, k, v, out, lse, mask, *, causal, scale: [(x.shape, x.dtype) for x in (q, k, v)],
    decomposition=_attention_backward,
    partner="attention",
)


def _attention_vjp(
    g: Any, out: Any, q: Any, k: Any, v: Any, mask: Any, *, needs: Any, causal: bool, scale: float
) -> list[Any]:
    return [*attention_backward(g[0], q, k, v, *out, mask, causal=causal, scale=scale), None]


def _attention_double_vjp(
    h: Any,
    _out: Any,
    g: Any,
    q: Any,
    k: Any,
    v: Any,
    _y: Any,
    _lse: Any,
    mask: Any,
    *,
    needs: Any,
    causal: bool,
    scale: float,
) -> list[Any]:
    """Differentiate the backward as a function of g, q, k, v; `out` and `lse` count as made from these."""
    hq, hk, hv = (
        x.new_zeros(x.shape) if part is None else part for part, x in zip(h, (q, k, v), strict=True)
    )
    p, _ = weights_of(scores_of(q, k, mask, causal=causal, scale=scale))
    dp = g.matmul(v.mT)
    centred = dp - (dp * p).sum(-1, True)
    ds = p * centred * scale
    u = (hq.matmul(k.mT) + q.matmul(hk.mT)) * scale
    mean = (p * u).sum(-1, True)
    to_dp = p * (u - mean)
    to_p = g.matmul(hv.mT) + u * centred - dp * mean
    to_s = p * (to_p - (p * to_p).sum(-1, True)) * scale
    return [
        p.matmul(hv) + to_dp.matmul(v),
        ds.matmul(hk) + to_s.matmul(k),
        ds.mT.matmul(hq) + to_s.mT.matmul(q),
        to_dp.mT.matmul(g),
        None,
        None,
        None,
    ]


attention_op.joint_vjp(_attention_vjp)
attention_backward.joint_vjp(_attention_double_vjp)


# -- what users call ---------------------------------------------------------------------------------


def _check(q: Any, k: Any, v: Any, attn_mask: Any, dropout_p: float, *, causal: bool) -> None:
    op = "scaled_dot_product_attention"
    for x, what in ((q, "query"), (k, "key"), (v, "value")):
        check_tensor(op, x, what)
        if len(x.shape) < 2:
            raise ShapeError(
                f"{op}: {what} must have 2 dims or more (..., length, features), got {tuple(x.shape)}"
            )
        if x.dtype is not q.dtype or x.dtype.category != FLOAT:
            raise DTypeError(
                f"{op}: operands must have one floating-point dtype, got {q.dtype.name} and {x.dtype.name}"
            )
    if q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise ShapeError(
            f"{op}: query and key must have equal features, key and value equal lengths, got "
            f"{tuple(q.shape)}, {tuple(k.shape)} and {tuple(v.shape)}"
        )
    if not 0.0 <= dropout_p <= 1.0:
        raise ArgumentError(f"{op}: dropout_p must be in [0, 1], got {dropout_p}")
    if attn_mask is None:
        return
    check_tensor(op, attn_mask, "attn_mask")
    if causal:
        raise ArgumentError(
            f"{op}: attn_mask and is_causal exclude each other", hint="put the triangle into the mask"
        )
    if attn_mask.dtype is not dtypes.bool_ and attn_mask.dtype is not q.dtype:
        raise DTypeError(f"{op}: attn_mask must be bool or {q.dtype.name}, got {attn_mask.dtype.name}")


def _shared_heads(q: Any, k: Any, v: Any) -> tuple[Any, Any]:
    """Repeat the heads of key and value so that there are as many as query has."""
    heads = [x.shape[-3] if len(x.shape) > 2 else 0 for x in (q, k, v)]
    if min(heads) == 0 or heads[0] % heads[1] or heads[0] % heads[2]:
        raise ShapeError(
            "scaled_dot_product_attention: the heads of key and value must divide query's, got "
            f"{tuple(q.shape)}, {tuple(k.shape)} and {tuple(v.shape)}"
        )
    return k.repeat_interleave(heads[0] // heads[1], -3), v.repeat_interleave(heads[0] // heads[2], -3)


def _four_dims(x: Any, lead: Sequence[int]) -> Any:
    """Return a tensor with its batch dims broadcast to `lead` and made two."""
    x = expand(x, (*lead, *x.shape[-2:])) if tuple(x.shape[:-2]) != tuple(lead) else x
    if len(lead) == 2:
        return x
    heads = lead[-1] if lead else 1
    return reshape(x, (Shape(lead[:-1]).elements if lead else 1, heads, *x.shape[-2:]))


@public(
    method=False,
    samples=lambda: [
        call(array(2, 2, 3, 4), array(2, 2, 5, 4), array(2, 2, 5, 3)),
        call(array(2, 4, 3), array(2, 4, 3), array(2, 4, 3), is_causal=True),
        call(array(3, 2), array(4, 2), array(4, 2), array(3, 4)),
        call(array(1, 2, 3, 2), array(1, 2, 4, 2), array(1, 2, 4, 2), mask(3, 4)),
        call(
            array(2, 1, 3, 2), array(1, 2, 4, 2), array(2, 2, 4, 2), array(2, 1, 1, 4, grad=False), scale=0.3
        ),
        call(array(1, 4, 3, 2), array(1, 2, 3, 2), array(1, 2, 3, 2), is_causal=True, enable_gqa=True),
    ],
)
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Return ``softmax(scale query key^T + mask) value``.

    Args:
        query: (..., L, E); the batch dims of all operands broadcast, the last of them is the head.
        key: (..., S, E).
        value: (..., S, Ev).
        attn_mask: (..., L, S): bool, True where a key may be seen; or of query's dtype, added to the scores.
        dropout_p: probability with which each weight is zeroed; applied whatever mode a module is in.
        is_causal: element i of the query sees keys 0 to i only.
        scale: 1 / sqrt(E) if None.
        enable_gqa: key and value may have fewer heads than query, each used by several.

    Returns:
        (..., L, Ev); zeros where no key may be seen.

    Raises:
        ShapeError, DTypeError, ArgumentError: if operands do not fit, or both a mask and is_causal are given.

    >>> import rustorch
    >>> q, k, v = rustorch.zeros((1, 2)), rustorch.ones((3, 2)), rustorch.tensor([[1.0], [2.0], [6.0]])
    >>> rustorch.scaled_dot_product_attention(q, k, v)
    tensor([[3.]])
    """
    _check(query, key, value, attn_mask, dropout_p, causal=is_causal)
    if enable_gqa:
        key, value = _shared_heads(query, key, value)
    op = "scaled_dot_product_attention"
    lead = broadcast_shapes(op, query.shape[:-2], key.shape[:-2], value.shape[:-2])
    bias: Any = attn_mask
    if bias is not None:
        scores = (*lead, query.shape[-2], key.shape[-2])
        if broadcast_shapes(op, bias.shape, scores) != scores:
            raise ShapeError(f"{op}: attn_mask must broadcast to {scores}, got {tuple(bias.shape)}")
        if bias.dtype is dtypes.bool_:
            bias = where(bias, query.new_zeros(()), -math.inf)
        bias = _four_dims(bias.reshape((1,) * (2 - len(bias.shape)) + tuple(bias.shape)).expand(scores), lead)
    q, k, v = (_four_dims(x, lead) for x in (query, key, value))
    factor = 1 / math.sqrt(max(query.shape[-1], 1)) if scale is None else float(scale)
    if dropout_p > 0 or (bias is not None and bias.needs_grad):
        p, _ = weights_of(scores_of(q, k, bias, causal=is_causal, scale=factor))
        result = (dropout(p, dropout_p) if dropout_p else p).matmul(v)
    else:
        result, _ = attention_op(q, k, v, bias, causal=bool(is_causal), scale=factor)
    return result if len(lead) == 2 else reshape(result, (*lead, *result.shape[-2:]))
