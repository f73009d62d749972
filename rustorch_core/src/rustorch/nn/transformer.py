"""The transformer of Vaswani et al., "Attention is all you need", 2017."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from rustorch.errors import ArgumentError, ArgumentTypeError, ShapeError
from rustorch.nn import init
from rustorch.nn.attention import MultiheadAttention
from rustorch.nn.containers import ModuleList
from rustorch.nn.dropout import Dropout
from rustorch.nn.linear import Linear, require_sizes
from rustorch.nn.module import Module
from rustorch.nn.norm import LayerNorm
from rustorch.ops.activation import gelu
from rustorch.ops.creation import full
from rustorch.ops.padding import check_tensor
from rustorch.ops.rectifiers import relu

Activation = str | Callable[[Any], Any]
_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"relu": relu, "gelu": gelu}


def _activation(layer: str, given: Any) -> Callable[[Any], Any]:
    if callable(given):
        return given  # type: ignore[no-any-return]
    if given not in _ACTIVATIONS:
        raise ArgumentError(f"{layer}: activation must be 'relu', 'gelu' or a function, got {given!r}")
    return _ACTIVATIONS[given]


class _Layer(Module):
    """What the layers of encoder and decoder share: self-attention and feed-forward part.  Abstract."""

    norms: int  # how many there are

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        """Make the layer.

        Args:
            d_model: features of the input and the result; a multiple of `nhead`.
            nhead: heads of the attention.
            dim_feedforward: features between the two maps of the feed-forward part.
            dropout: probability of zeroing an element, in training.
            activation: between these two maps: "relu", "gelu" or a function.
            layer_norm_eps: of the normalisations.
            batch_first: sequences are (N, L, features) and not (L, N, features).
            norm_first: normalise before each part and not after it.
            bias: whether maps and normalisations have one.
            device: where the parameters are.
            dtype: of the parameters.
        """
        super().__init__()
        made = {"device": device, "dtype": dtype}
        self.self_attn = self._attention(d_model, nhead, dropout, bias, batch_first, made)
        if self.norms == 3:
            self.multihead_attn = self._attention(d_model, nhead, dropout, bias, batch_first, made)
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **made)
        self.norm_first = norm_first
        for i in range(1, self.norms + 1):
            setattr(self, f"norm{i}", LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **made))
        for i in range(1, self.norms + 1):
            setattr(self, f"dropout{i}", Dropout(dropout))
        self.activation = _activation(type(self).__name__, activation)

    @staticmethod
    def _attention(
        d_model: int, nhead: int, dropout: float, bias: bool, batch_first: bool, made: dict[str, Any]
    ) -> MultiheadAttention:
        return MultiheadAttention(d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first, **made)

    def _part(self, i: int, x: Any, function: Callable[[Any], Any]) -> Any:
        """Return x plus the i-th part of the layer, normalised before or after."""
        norm, dropped = getattr(self, f"norm{i}"), getattr(self, f"dropout{i}")
        if self.norm_first:
            return x + dropped(function(norm(x)))
        return norm(x + dropped(function(x)))

    def _feed_forward(self, x: Any) -> Any:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """Attention of a sequence to itself, then a feed-forward part, each added to its input and normalised.

    >>> import rustorch
    >>> layer = rustorch.nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16, batch_first=True)
    >>> tuple(layer(rustorch.ones(2, 5, 8)).shape)
    (2, 5, 8)
    """

    norms = 2

    def forward(
        self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Any:
        """Return the encoded sequence.

        Args:
            src: (L, N, d_model), or (N, L, d_model) if batch_first, or (L, d_model).
            src_mask: (L, L) or (N nhead, L, L): True where a key must not be seen, or numbers to add.
            src_key_padding_mask: (N, L): True where a key is padding, or numbers to add.
            is_causal: a hint that `src_mask` is the causal one.
        """

        def attend(x: Any) -> Any:
            return self.self_attn(
                x, x, x, src_key_padding_mask, need_weights=False, attn_mask=src_mask, is_causal=is_causal
            )[0]

        return self._part(2, self._part(1, src, attend), self._feed_forward)


class TransformerDecoderLayer(_Layer):
    """As the encoder's layer, with attention to the encoder's result between the two parts.

    >>> import rustorch
    >>> layer = rustorch.nn.TransformerDecoderLayer(8, nhead=2, dim_feedforward=16, batch_first=True)
    >>> tuple(layer(rustorch.ones(2, 5, 8), rustorch.ones(2, 3, 8)).shape)
    (2, 5, 8)
    """

    norms = 3

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Any:
        """Return the decoded sequence.

        Args:
            tgt: the sequence (T, N, d_model), or (N, T, d_model) if batch_first, or (T, d_model).
            memory: the encoder's result (S, N, d_model) or likewise.
            tgt_mask: (T, T) or (N nhead, T, T): True where a key must not be seen, or numbers to add.
            memory_mask: (T, S) or (N nhead, T, S), likewise for the attention to `memory`.
            tgt_key_padding_mask: (N, T): True where a key is padding, or numbers to add.
            memory_key_padding_mask: (N, S), likewise.
            tgt_is_causal: a hint that `tgt_mask` is the causal one.
            memory_is_causal: a hint that `memory_mask` is the causal one.
        """

        def attend(x: Any) -> Any:
            return self.self_attn(
                x, x, x, tgt_key_padding_mask, need_weights=False, attn_mask=tgt_mask, is_causal=tgt_is_causal
            )[0]

        def look_at_memory(x: Any) -> Any:
            return self.multihead_attn(
                x,
                memory,
                memory,
                memory_key_padding_mask,
                need_weights=False,
                attn_mask=memory_mask,
                is_causal=memory_is_causal,
            )[0]

        x = self._part(2, self._part(1, tgt, attend), look_at_memory)
        return self._part(3, x, self._feed_forward)


class _Stack(Module):
    """Copies of a layer, one after another.  Abstract."""

    def __init__(self, layer: Any, num_layers: int, norm: Module | None) -> None:
        super().__init__()
        if not isinstance(layer, Module):
            raise ArgumentTypeError(
                f"{type(self).__name__}: the layer must be a Module, got {type(layer).__name__}"
            )
        require_sizes(type(self).__name__, num_layers=num_layers)
        if num_layers >= 2**16:
            raise ArgumentError(
                f"{type(self).__name__}: fewer than 2**16 layers are required, got {num_layers}"
            )
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm

    def _run(self, x: Any, *more: Any, **options: Any) -> Any:
        for layer in self.layers:
            x = layer(x, *more, **options)
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """`num_layers` copies of an encoder layer, then `norm`.

    >>> import rustorch
    >>> layer = rustorch.nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16, batch_first=True)
    >>> tuple(rustorch.nn.TransformerEncoder(layer, num_layers=2)(rustorch.ones(2, 5, 8)).shape)
    (2, 5, 8)
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        """Make the stack; the last two arguments choose fast paths of PyTorch's and change no result here."""
        del enable_nested_tensor, mask_check
        super().__init__(encoder_layer, num_layers, norm)

    def forward(
        self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Any:
        """Return the encoded sequence; see `TransformerEncoderLayer` for the arguments."""
        return self._run(
            src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=bool(is_causal)
        )


class TransformerDecoder(_Stack):
    """`num_layers` copies of a decoder layer, then `norm`."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        """Make the stack."""
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Any:
        """Return the decoded sequence; see `TransformerDecoderLayer` for the arguments."""
        return self._run(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=bool(tgt_is_causal),
            memory_is_causal=memory_is_causal,
        )


class Transformer(Module):
    """Encoder and decoder, as in the paper; masks, positions and embeddings are the caller's.

    >>> import rustorch
    >>> model = rustorch.nn.Transformer(8, 2, 1, 1, dim_feedforward=16, batch_first=True)
    >>> tuple(model(rustorch.ones(2, 5, 8), rustorch.ones(2, 3, 8)).shape)
    (2, 3, 8)
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        """Make the model; arguments as for `TransformerEncoderLayer`, and numbers of layers.

        `custom_encoder` and `custom_decoder` take the place of the ones made here.
        """
        super().__init__()
        made = {"device": device, "dtype": dtype}
        sizes = (d_model, nhead, dim_feedforward)
        options: Any = (dropout, activation, layer_norm_eps, batch_first, norm_first, bias)
        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*sizes, *options, **made),
            num_encoder_layers,
            LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **made),
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*sizes, *options, **made),
            num_decoder_layers,
            LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **made),
        )
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first
        for parameter in self.parameters():
            if len(parameter.shape) > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: Any,
        tgt: Any,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Any:
        """Return the decoded target; see the layers for the arguments."""
        check_tensor("Transformer", src, "src")
        check_tensor("Transformer", tgt, "tgt")
        batched = len(src.shape) == 3
        batch = 0 if self.batch_first else 1
        shapes = f"{tuple(src.shape)} and {tuple(tgt.shape)}"
        if len(src.shape) != len(tgt.shape) or (batched and src.shape[batch] != tgt.shape[batch]):
            raise ShapeError(f"Transformer: src and tgt must have one batch size, got {shapes}")
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise ShapeError(f"Transformer: the last sizes must be {self.d_model}, got {shapes}")
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        return self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Any:
        """Return the causal mask (sz, sz): minus infinity above the diagonal, zeros elsewhere."""
        return full((sz, sz), float("-inf"), dtype=dtype, device=device).masked_fill(
            full((sz, sz), True, dtype="bool", device=device).to("uint8").tril().to("bool"), 0.0
        )
