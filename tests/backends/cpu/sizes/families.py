"""Families of calls: each makes one call from draws of sizes.  `FAMILIES` is name -> maker."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from checking import Call, Sizes

import rustorch as rt
from rustorch.nn import functional as F

FAMILIES: dict[str, Callable[[Sizes], Call]] = {}


def family(maker: Callable[[Sizes], Call]) -> Callable[[Sizes], Call]:
    """Register a maker under its name."""
    FAMILIES[maker.__name__] = maker
    return maker


# -- products ----------------------------------------------------------------------------------------


@family
def matmul(s: Sizes) -> Call:
    m, k, n = s.dim(), s.dim(), s.dim()
    return Call(rt.matmul, (s.normal(m, k), s.normal(k, n)), f"matmul({m}, {k}, {n})")


@family
def batched_matmul(s: Sizes) -> Call:
    batch, m, k, n = s.small(5), s.dim(70), s.dim(70), s.dim(70)
    return Call(rt.matmul, (s.normal(batch, m, k), s.normal(batch, k, n)), f"matmul({batch}, {m}, {k}, {n})")


@family
def linear(s: Sizes) -> Call:
    rows, inputs, outputs = s.dim(), s.dim(), s.dim()
    arrays = (s.normal(rows, inputs), s.normal(outputs, inputs), s.normal(outputs))
    return Call(F.linear, arrays, f"linear({rows}, {inputs}, {outputs})")


@family
def int_mm(s: Sizes) -> Call:
    m, k, n = s.dim(), s.dim(), s.dim()
    return Call(rt.int_mm, (s.int8(m, k), s.int8(k, n)), f"int_mm({m}, {k}, {n})", differentiable=False)


@family
def quantized_linear(s: Sizes) -> Call:
    rows, inputs, outputs = s.dim(), s.dim(), s.dim()
    arrays = (s.normal(rows, inputs), s.int8(outputs, inputs), s.normal(outputs), s.normal(outputs))
    text = f"quantized_linear({rows}, {inputs}, {outputs})"
    return Call(rt.quantized_linear, arrays, text, differentiable=False)


@family
def linear_fused(s: Sizes) -> Call:
    rows, inputs, outputs = s.dim(), s.dim(), s.dim()
    activation = s.choose(["none", "relu", "gelu", "gelu_tanh", "silu", "tanh", "sigmoid"])
    width = s.choose([0, 4, 5, 8, 16, 32])

    def function(x, weight, bias, residual):
        held = rt.pack_linear_weight(weight, width) if width else weight
        return rt.linear_fused(x, held, bias, residual, activation, outputs)

    arrays = (s.normal(rows, inputs), s.normal(outputs, inputs), s.normal(outputs), s.normal(rows, outputs))
    text = f"linear_fused({rows}, {inputs}, {outputs}, {activation}, {width})"
    return Call(function, arrays, text, differentiable=False)


def _windows(s: Sizes, size: int) -> tuple[dict, int]:
    """Return random geometry of a window of `size` with the least input it fits in."""
    stride, padding, dilation = s.small(3), s.small(size, 0), s.small(3)
    attributes = {"stride": stride, "padding": padding, "dilation": dilation}
    return attributes, max(1, dilation * (size - 1) + 1 - 2 * padding)


def _convolution(s: Sizes, groups: int, inputs: int, outputs: int, side: int) -> Call:
    kernel = s.small(5)
    attributes, least = _windows(s, kernel)
    h, w = max(least, s.dim(side)), max(least, s.dim(side))
    arrays = (
        s.normal(s.small(3), inputs, h, w),
        s.normal(outputs, inputs // groups, kernel, kernel),
        s.normal(outputs),
    )
    text = f"conv2d({arrays[0].shape}, {arrays[1].shape}, {attributes}, groups={groups})"
    return Call(lambda x, w, b: F.conv2d(x, w, b, groups=groups, **attributes), arrays, text)


@family
def conv2d(s: Sizes) -> Call:
    return _convolution(s, 1, s.dim(40, 1), s.dim(40, 1), 16)


@family
def conv2d_of_large_images(s: Sizes) -> Call:
    return _convolution(s, 1, s.small(3), s.small(4), 130)


@family
def conv2d_of_many_channels(s: Sizes) -> Call:
    return _convolution(s, 1, s.dim(130, 1), s.dim(130, 1), 7)


@family
def grouped_conv2d(s: Sizes) -> Call:
    groups = s.small(4, 2)
    return _convolution(s, groups, groups * s.small(9), groups * s.small(9), 30)


@family
def depthwise_conv2d(s: Sizes) -> Call:
    groups = s.dim(40, 1)
    return _convolution(s, groups, groups, groups * s.small(2), 24)


@family
def conv1d(s: Sizes) -> Call:
    kernel = s.small(6)
    attributes, least = _windows(s, kernel)
    n, c, o, length = s.small(3), s.dim(60, 1), s.dim(60, 1), max(least, s.dim())
    arrays = (s.normal(n, c, length), s.normal(o, c, kernel), s.normal(o))
    text = f"conv1d({n}, {c}, {o}, {length}, kernel {kernel}, {attributes})"
    return Call(lambda x, w, b: F.conv1d(x, w, b, **attributes), arrays, text)


@family
def conv_transpose2d(s: Sizes) -> Call:
    kernel, stride = s.small(4), s.small(3)
    n, c, o, h, w = s.small(2), s.dim(40, 1), s.dim(40, 1), s.dim(16, 1), s.dim(16, 1)
    padding = s.small((kernel - 1) // 2, 0)
    arrays = (s.normal(n, c, h, w), s.normal(c, o, kernel, kernel), s.normal(o))
    text = f"conv_transpose2d({n}, {c}, {o}, {h}, {w}, kernel {kernel}, stride {stride}, padding {padding})"
    return Call(lambda x, w, b: F.conv_transpose2d(x, w, b, stride=stride, padding=padding), arrays, text)


@family
def attention(s: Sizes) -> Call:
    batch, heads, queries, keys, width = s.small(2), s.small(3), s.dim(), s.dim(130, 1), s.dim(130, 1)
    masked, causal = s.choose([(False, False), (False, True), (True, False)])
    keys = queries if causal else keys
    arrays = [s.normal(batch, heads, n, width) for n in (queries, keys, keys)]
    arrays += [s.normal(queries, keys)] if masked else []
    text = f"attention({batch}, {heads}, {queries}, {keys}, {width}, mask={masked}, causal={causal})"
    return Call(
        lambda q, k, v, mask=None: F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal),
        tuple(arrays), text,
    )  # fmt: skip


def _cell(s: Sizes, gates: int) -> tuple[list[np.ndarray], str]:
    rows, inputs, hidden = s.dim(40), s.dim(60, 1), s.dim(130, 1)
    weights = [s.normal(gates * hidden, inputs), s.normal(gates * hidden, hidden)]
    biases = [s.normal(gates * hidden), s.normal(gates * hidden)]
    states = [s.normal(rows, hidden) for _ in range(2 if gates == 4 else 1)]
    return [s.normal(rows, inputs), *states, *weights, *biases], f"({rows}, {inputs}, {hidden})"


@family
def lstm_cell(s: Sizes) -> Call:
    arrays, text = _cell(s, 4)
    return Call(
        lambda x, h, c, *weights: rt.lstm_cell(x, (h, c), *weights), tuple(arrays), f"lstm_cell{text}"
    )


@family
def gru_cell(s: Sizes) -> Call:
    arrays, text = _cell(s, 3)
    return Call(rt.gru_cell, tuple(arrays), f"gru_cell{text}")


@family
def rnn_layers(s: Sizes) -> Call:
    kind, steps, batch = s.choose(["LSTM", "GRU", "RNN"]), s.dim(12, 1), s.dim(20, 1)
    inputs, hidden = s.dim(40, 1), s.dim(70, 1)
    layer = getattr(rt.nn, kind)(inputs, hidden, num_layers=s.small(2), bidirectional=s.choose([False, True]))
    names = [name for name, _ in layer.named_parameters()]
    arrays = [s.normal(*p.shape) / 4 for p in layer.parameters()]

    def run(x, *parameters):
        twin = getattr(rt.nn, kind)(
            inputs, hidden, num_layers=layer.num_layers, bidirectional=layer.bidirectional
        )
        for name, value in zip(names, parameters, strict=True):
            del twin._parameters[name]
            object.__setattr__(twin, name, value)
        return twin(x)[0]

    return Call(
        run, (s.normal(steps, batch, inputs), *arrays), f"{kind}({steps}, {batch}, {inputs}, {hidden})"
    )


# -- rows --------------------------------------------------------------------------------------------


def _block(s: Sizes) -> tuple[tuple[int, ...], int]:
    """Return a shape of two or three dims and one of them."""
    shape = (s.dim(), s.dim()) if s.choose([True, False]) else (s.dim(24), s.dim(60), s.dim(24))
    return shape, s.small(len(shape) - 1, 0)


@family
def sums(s: Sizes) -> Call:
    shape, dim = _block(s)
    name = s.choose(["sum", "mean", "logsumexp", "norm"])
    if shape[dim] == 0:
        name = "sum"
    return Call(lambda x: getattr(x, name)(dim=dim), (s.normal(*shape) + 0.5,), f"{name}({shape}, {dim})")


@family
def sums_of_several_dims(s: Sizes) -> Call:
    shape = (s.dim(24, 1), s.dim(60, 1), s.dim(24, 1))
    dims = s.choose([(0, 1), (0, 2), (1, 2), (0, 1, 2)])
    name = s.choose(["sum", "mean", "var", "amax"])
    x = s.apart(*shape)
    return Call(
        lambda x: getattr(x, name)(dim=dims), (x,), f"{name}({shape}, {dims})", differentiable=name != "var"
    )


@family
def extremes(s: Sizes) -> Call:
    shape, dim = _block(s)
    shape = tuple(max(n, 1) for n in shape)
    name = s.choose(["amax", "amin", "argmax", "argmin", "max", "min"])
    differentiable = not name.startswith("arg")
    return Call(
        lambda x: getattr(x, name)(dim=dim), (s.apart(*shape),), f"{name}({shape}, {dim})", differentiable
    )


@family
def products(s: Sizes) -> Call:
    shape, dim = _block(s)
    name = s.choose(["prod", "cumprod"])
    x = 1 + s.normal(*shape) / 64
    return Call(lambda x: getattr(x, name)(dim=dim), (x,), f"{name}({shape}, {dim})")


@family
def softmaxes(s: Sizes) -> Call:
    shape, dim = _block(s)
    name = s.choose(["softmax", "log_softmax"])
    return Call(lambda x: getattr(F, name)(x, dim=dim), (s.normal(*shape) * 3,), f"{name}({shape}, {dim})")


@family
def cross_entropy(s: Sizes) -> Call:
    rows, classes = s.dim(130, 1), s.dim(130, 1)
    smoothing = s.choose([0.0, 0.1])
    arrays = (s.normal(rows, classes) * 3, s.indices(classes, rows))
    text = f"cross_entropy({rows}, {classes}, {smoothing})"
    return Call(lambda x, y: F.cross_entropy(x, y, label_smoothing=smoothing), arrays, text)


@family
def layer_norms(s: Sizes) -> Call:
    rows, width = s.dim(), s.dim(130, 1)
    name = s.choose(["layer_norm", "rms_norm"])
    arrays = [s.apart(rows, width), s.normal(width)] + ([s.normal(width)] if name == "layer_norm" else [])
    return Call(
        lambda x, *w: getattr(F, name)(x, (width,), *w, eps=0.01), tuple(arrays), f"{name}({rows}, {width})"
    )


@family
def batch_norm(s: Sizes) -> Call:
    n, c, h, w = s.dim(12, 2), s.dim(60, 1), s.dim(20, 1), s.dim(20, 1)
    arrays = (s.apart(n, c, h, w), s.normal(c), s.normal(c))
    function = lambda x, weight, bias: F.batch_norm(x, None, None, weight, bias, training=True)
    return Call(function, arrays, f"batch_norm({n}, {c}, {h}, {w})")


@family
def group_norm(s: Sizes) -> Call:
    groups = s.small(6)
    n, c, side = s.dim(6), groups * s.small(9), s.dim(20, 1)
    arrays = (s.apart(n, c, side, side), s.normal(c), s.normal(c))
    return Call(
        lambda x, *w: F.group_norm(x, groups, *w, eps=0.01), arrays, f"group_norm({n}, {c}, {side}, {groups})"
    )


@family
def scans(s: Sizes) -> Call:
    shape, dim = _block(s)
    name = s.choose(["cumsum", "logcumsumexp"])
    return Call(lambda x: getattr(rt, name)(x, dim), (s.normal(*shape),), f"{name}({shape}, {dim})")


@family
def sorts(s: Sizes) -> Call:
    shape, dim = _block(s)
    descending = s.choose([False, True])
    text = f"sort({shape}, {dim}, {descending})"
    return Call(lambda x: rt.sort(x, dim=dim, descending=descending), (s.apart(*shape),), text)


@family
def topk(s: Sizes) -> Call:
    shape, dim = _block(s)
    k = s.small(shape[dim], 0)
    return Call(lambda x: tuple(rt.topk(x, k, dim=dim)), (s.apart(*shape),), f"topk({shape}, {k}, {dim})")


# -- elements ----------------------------------------------------------------------------------------

UNARY = """abs neg exp exp2 expm1 sin cos tanh sigmoid erf relu gelu silu softplus elu leaky_relu square
floor ceil round trunc sign atan sinh cosh mish hardswish""".split()
POSITIVE = "log log2 log10 log1p sqrt rsqrt reciprocal".split()
BINARY = "add sub mul div maximum minimum atan2".split()
FLAT = {"floor", "ceil", "round", "trunc", "sign"}


def _elementwise(name: str):
    return getattr(rt, name, None) or getattr(F, name)


@family
def unary(s: Sizes) -> Call:
    name = s.choose(UNARY + POSITIVE)
    shape = (s.dim(), s.dim()) if s.choose([True, False]) else (s.dim(20), s.dim(20), s.dim(20))
    x = s.normal(*shape)
    x = np.abs(x) + 0.25 if name in POSITIVE else x
    return Call(_elementwise(name), (x,), f"{name}({shape})", differentiable=name not in FLAT)


@family
def binary(s: Sizes) -> Call:
    name, shape = s.choose(BINARY), (s.dim(30), s.dim(), s.dim(30))
    other = tuple(1 if s.small(3) == 1 else n for n in shape)[s.small(3) - 1 :]
    arrays = (s.normal(*shape), np.abs(s.normal(*other)) + 0.5)
    return Call(_elementwise(name), arrays, f"{name}({shape}, {other})")


@family
def where(s: Sizes) -> Call:
    shape = (s.dim(), s.dim())
    arrays = (s.normal(*shape) > 0, s.normal(*shape), s.normal(shape[1]))
    return Call(rt.where, arrays, f"where({shape})")


@family
def casts(s: Sizes) -> Call:
    shape, dtype = (s.dim(), s.dim()), s.choose([rt.int32, rt.int64, rt.uint8, rt.bool])
    x = np.floor(np.abs(s.normal(*shape)) * 20)
    return Call(lambda x: x.to(dtype), (x,), f"cast({shape}, {dtype})", differentiable=False)


@family
def halves(s: Sizes) -> Call:
    shape, dtype = (s.dim(), s.dim()), s.choose([rt.float16, rt.bfloat16])
    x = np.floor(s.normal(*shape) * 20)  # what both hold exactly
    return Call(lambda x: (x.to(dtype) + 1).to(x.dtype), (x,), f"half({shape}, {dtype})")


@family
def moves(s: Sizes) -> Call:
    shape = (s.dim(30), s.dim(), s.dim(30))
    functions = {
        "flip": lambda x: x.flip((0, 2)),
        "permute": lambda x: x.permute(2, 0, 1).contiguous(),
        "transpose": lambda x: x.transpose(1, 2).contiguous(),
        "roll": lambda x: rt.roll(x, 3, 1),
        "cat": lambda x: rt.cat([x, x * 2, x[:, :1]], 1),
        "pad": lambda x: F.pad(x, (1, 2, 3, 0), value=1.5),
        "repeat": lambda x: x.repeat(1, 2, 1),
        "tril": rt.tril,
        "stack": lambda x: rt.stack([x, -x], 1),
    }
    name = s.choose(sorted(functions))
    return Call(functions[name], (s.normal(*shape),), f"{name}({shape})")


# -- indices -----------------------------------------------------------------------------------------


@family
def gathers(s: Sizes) -> Call:
    rows, columns, picks, dim = s.dim(130, 1), s.dim(130, 1), s.dim(), s.choose([0, 1])
    below = (rows, columns)[dim]
    shape = (picks, columns) if dim == 0 else (rows, picks)
    arrays = (s.normal(rows, columns), s.indices(below, *shape))
    return Call(lambda x, i: rt.gather(x, dim, i), arrays, f"gather({rows}, {columns}, {picks}, {dim})")


@family
def scatters(s: Sizes) -> Call:
    rows, columns, dim = s.dim(130, 1), s.dim(130, 1), s.choose([0, 1])
    picks = s.dim(min(rows, columns))
    shape = (picks, columns) if dim == 0 else (rows, picks)
    arrays = (s.normal(rows, columns), s.indices((rows, columns)[dim], *shape), s.normal(*shape))
    text = f"scatter_add({rows}, {columns}, {picks}, {dim})"
    return Call(lambda x, i, y: rt.scatter_add(x, dim, i, y), arrays, text)


@family
def selections(s: Sizes) -> Call:
    shape = (s.dim(40, 1), s.dim(130, 1), s.dim(40, 1))
    dim, picks = s.small(2, 0), s.dim()
    arrays = (s.normal(*shape), s.indices(shape[dim], picks))
    return Call(lambda x, i: rt.index_select(x, dim, i), arrays, f"index_select({shape}, {picks}, {dim})")


@family
def index_adds(s: Sizes) -> Call:
    shape = (s.dim(40, 1), s.dim(130, 1), s.dim(40, 1))
    dim, picks = s.small(2, 0), s.dim()
    source = (*shape[:dim], picks, *shape[dim + 1 :])
    arrays = (s.normal(*shape), s.indices(shape[dim], picks), s.normal(*source))
    return Call(lambda x, i, y: rt.index_add(x, dim, i, y), arrays, f"index_add({shape}, {picks}, {dim})")


@family
def embedding(s: Sizes) -> Call:
    words, width, count = s.dim(130, 1), s.dim(), s.dim()
    arrays = (s.indices(words, count), s.normal(words, width))
    return Call(F.embedding, arrays, f"embedding({words}, {width}, {count})")


# -- windows -----------------------------------------------------------------------------------------


@family
def max_pooling(s: Sizes) -> Call:
    kernel, stride, dilation = s.small(5), s.small(3), s.small(2)
    padding, least = s.small(kernel // 2, 0), dilation * (kernel - 1) + 1
    n, c, h, w = s.small(2), s.dim(20, 1), max(least, s.dim(40)), max(least, s.dim(130))
    text = f"max_pool2d({n}, {c}, {h}, {w}, {kernel}, {stride}, {padding}, {dilation})"
    return Call(lambda x: F.max_pool2d(x, kernel, stride, padding, dilation), (s.apart(n, c, h, w),), text)


@family
def average_pooling(s: Sizes) -> Call:
    kernel, stride = s.small(5), s.small(3)
    padding, counted = s.small(kernel // 2, 0), s.choose([True, False])
    n, c, h, w = s.small(2), s.dim(20, 1), max(kernel, s.dim(40)), max(kernel, s.dim(130))
    text = f"avg_pool2d({n}, {c}, {h}, {w}, {kernel}, {stride}, {padding}, {counted})"
    function = lambda x: F.avg_pool2d(x, kernel, stride, padding, count_include_pad=counted)
    return Call(function, (s.normal(n, c, h, w),), text)


# -- optimizers --------------------------------------------------------------------------------------


@family
def optimizers(s: Sizes) -> Call:
    name = s.choose(["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
    settings = {"lr": 0.05, "weight_decay": s.choose([0.0, 0.01])}
    if name == "SGD":
        settings |= {"momentum": s.choose([0.0, 0.9])}
    shapes = [(s.dim(), s.dim()), (s.dim(),), ()]

    def steps(*tensors):
        half = len(tensors) // 2
        parameters = [rt.nn.Parameter(x.clone()) for x in tensors[:half]]
        optimizer = getattr(rt.optim, name)(parameters, **settings)
        for _ in range(3):
            for p, grad in zip(parameters, tensors[half:], strict=True):
                p.grad = grad * (1 + p.detach())
            optimizer.step()
        return parameters

    arrays = [s.normal(*shape) for shape in shapes + shapes]
    return Call(steps, tuple(map(np.asarray, arrays)), f"{name}({shapes}, {settings})", differentiable=False)
