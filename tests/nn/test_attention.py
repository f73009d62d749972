"""Attention and transformer layers: masks, dropout, errors."""

import pytest

import rustorch
from rustorch import nn
from rustorch.nn.functional import scaled_dot_product_attention as attend


@pytest.mark.parametrize("device", sorted({rustorch.get_default_device().type, "reference"}))
def test_a_row_without_keys_gives_zeros(device: str) -> None:
    q = rustorch.ones(2, 3, 4, device=device, requires_grad=True)
    mask = rustorch.tensor([[True, True, True], [False, False, False], [True, False, True]], device=device)
    found = attend(q, q, q, mask)
    found.sum().backward()
    assert found[:, 1].tolist() == [[0.0] * 4] * 2
    assert q.grad.isfinite().all()


def test_causal_rows_do_not_see_later_keys() -> None:
    rustorch.manual_seed(0)
    q, v = rustorch.randn((1, 2, 5, 4)), rustorch.randn((1, 2, 5, 4))
    changed = v.clone()
    changed[:, :, 3:] = 100.0
    same = attend(q, q, v, is_causal=True) == attend(q, q, changed, is_causal=True)
    assert same[:, :, :3].all()
    assert not same[:, :, 3:].any()


def test_dropout_keeps_the_mean() -> None:
    rustorch.manual_seed(0)
    q, k, v = rustorch.zeros(1, 200, 4), rustorch.zeros(1, 400, 4), rustorch.ones(1, 400, 1)
    found = attend(q, k, v, dropout_p=0.5)
    assert abs(float(found.mean()) - 1.0) < 0.05
    assert float(found.std()) > 0.01


def test_need_weights_does_not_change_the_result() -> None:
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    x = rustorch.randn((3, 5, 8))
    output, weights = layer(x, x, x)
    alone, nothing = layer(x, x, x, need_weights=False)
    assert nothing is None
    assert rustorch.allclose(output, alone, atol=1e-6)
    assert rustorch.allclose(weights.sum(-1), rustorch.ones(3, 5), atol=1e-6)


def test_layers_of_a_stack_are_copies() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0)
    stack = nn.TransformerEncoder(layer, 3, nn.LayerNorm(8))
    assert len({id(p) for p in stack.parameters()}) == 3 * len(list(layer.parameters())) + 2
    x = rustorch.randn((5, 1, 8))
    assert rustorch.allclose(stack(x), stack.norm(layer(layer(layer(x)))), atol=1e-5)


def test_a_causal_mask_and_its_hint_agree() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    x = rustorch.randn((2, 5, 8))
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    assert rustorch.allclose(layer(x, mask), layer(x, mask, is_causal=True), atol=1e-6)


def test_a_transformer_learns_to_copy() -> None:
    rustorch.manual_seed(0)
    model = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
    x = rustorch.randn((4, 6, 16))
    optimizer = rustorch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = ((model(x) - x.flip(1)) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < losses[0] / 4


def ones(*shape: int) -> rustorch.Tensor:
    return rustorch.ones(shape or (2, 5, 8))


def heads(*args, **kwargs):
    return nn.MultiheadAttention(8, 2, batch_first=True)(*args, **kwargs)


ERRORS = {
    "query and key must have equal features": lambda: attend(ones(), ones(2, 5, 3), ones()),
    "operands must have one floating-point dtype": lambda: attend(ones(), ones(), ones().double()),
    "attn_mask and is_causal exclude each other": lambda: attend(
        ones(), ones(), ones(), ones(5, 5), is_causal=True
    ),
    "shapes must broadcast": lambda: attend(ones(), ones(), ones(), ones(5, 4)),
    r"attn_mask must broadcast to \(2, 5, 5\)": lambda: attend(ones(), ones(), ones(), ones(3, 1, 1, 1)),
    "attn_mask must be bool or float32, got int64": lambda: attend(ones(), ones(), ones(), ones(5, 5).long()),
    r"dropout_p must be in \[0, 1\], got 2.0": lambda: attend(ones(), ones(), ones(), dropout_p=2.0),
    "value must have 2 dims or more": lambda: attend(ones(), ones(), ones(8)),
    "key must be a tensor, got float": lambda: attend(ones(), 1.0, ones()),
    "the heads of key and value must divide query's": lambda: attend(
        ones(), ones(3, 5, 8), ones(3, 5, 8), enable_gqa=True
    ),
    "num_heads must divide embed_dim, got 3 and 8": lambda: nn.MultiheadAttention(8, 3),
    r"the last sizes of query, key and value must be \(8, 8, 8\)": lambda: heads(
        ones(), ones(), ones(2, 5, 4)
    ),
    "must all have 3 dims, or 2 unbatched": lambda: heads(ones(), ones(), ones(5, 8)),
    "query and key must have one batch size": lambda: heads(ones(), ones(1, 5, 8), ones(1, 5, 8)),
    "is_causal is a hint and needs attn_mask": lambda: heads(ones(), ones(), ones(), is_causal=True),
    r"attn_mask must have shape \(5, 5\) or \(4, 5, 5\), got \(5, 4\)": lambda: heads(
        ones(), ones(), ones(), attn_mask=ones(5, 4)
    ),
    "key_padding_mask must be bool or floating-point, got int64": lambda: heads(
        ones(), ones(), ones(), ones(2, 5).long()
    ),
    "activation must be 'relu', 'gelu' or a function, got 'sin'": lambda: nn.TransformerEncoderLayer(
        8, 2, activation="sin"
    ),
    "src and tgt must have one batch size": lambda: nn.Transformer(8, 2, 1, 1, 8)(
        ones(5, 2, 8), ones(5, 3, 8)
    ),
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors(text: str) -> None:
    with pytest.raises(rustorch.RusTorchError, match=text):
        ERRORS[text]()
