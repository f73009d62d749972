"""Convolutional, pooling, padding and upsampling layers: shapes, lazy sizes, errors."""

import pytest

import rustorch
from rustorch import nn
from rustorch.dispatch import registry, tables
from rustorch.dispatch.contract import Kernel

DEVICE = rustorch.get_default_device().type


def test_averaging_kernel() -> None:
    layer = nn.Conv2d(1, 1, 2, bias=False)
    layer.weight.data = rustorch.full((1, 1, 2, 2), 0.25)
    found = layer(rustorch.arange(9.0).reshape(1, 1, 3, 3))
    assert found.tolist() == [[[[2.0, 3.0], [5.0, 6.0]]]]


def test_backends_agree() -> None:
    rustorch.manual_seed(0)
    layer = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2)
    x = rustorch.randn((2, 4, 9, 8), device=DEVICE, requires_grad=True)
    expected = layer.to(device=DEVICE)(x)
    expected.sum().backward()
    other = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2)
    other.load_state_dict(layer.state_dict())
    other.to(device="reference")
    y = x.detach().to(device="reference").requires_grad_()
    found = other(y)
    found.sum().backward()
    for a, b in ((found, expected), (y.grad, x.grad), (other.weight.grad, layer.weight.grad)):
        assert rustorch.allclose(a.to(device=DEVICE), b, rtol=1e-4, atol=1e-4)


def test_initial_weights_are_bounded() -> None:
    layer = nn.Conv2d(8, 16, 3)
    bound = (8 * 9) ** -0.5
    for parameter in layer.parameters():
        assert float(parameter.abs().max()) <= bound
        assert float(parameter.std()) > bound / 4


@pytest.mark.parametrize(
    ("lazy", "full", "shape"),
    [
        (nn.LazyConv1d, nn.Conv1d, (2, 4, 9)),
        (nn.LazyConv2d, nn.Conv2d, (2, 4, 9, 9)),
        (nn.LazyConv3d, nn.Conv3d, (4, 5, 5, 5)),
        (nn.LazyConvTranspose1d, nn.ConvTranspose1d, (2, 4, 9)),
        (nn.LazyConvTranspose2d, nn.ConvTranspose2d, (4, 9, 9)),
    ],
)
def test_lazy_layers_take_their_size_from_the_first_input(lazy, full, shape) -> None:
    layer = lazy(6, 3, groups=2)
    expected = full(4, 6, 3, groups=2)
    result = layer(rustorch.ones(shape))
    assert type(layer) is full
    assert layer.weight.shape == expected.weight.shape
    assert result.shape == expected(rustorch.ones(shape)).shape


def test_lazy_layer_takes_its_size_from_a_state() -> None:
    layer = nn.LazyConv2d(6, 3)
    layer.load_state_dict(nn.Conv2d(4, 6, 3).state_dict())
    assert tuple(layer(rustorch.ones(1, 4, 5, 5)).shape) == (1, 6, 3, 3)
    assert layer.in_channels == 4


def image(*shape: int) -> rustorch.Tensor:
    return rustorch.ones(shape or (2, 4, 8, 8))


ERRORS = {
    r"conv2d: the input must have 3 channels \(groups x weight's 3\), got input \(2, 4, 8, 8\)": lambda: (
        nn.Conv2d(3, 8, 3)(image())
    ),
    r"conv2d: the kernel must fit into the padded input, got kernel \(9, 9\) for \(8, 8\)": lambda: nn.Conv2d(
        4, 8, 9
    )(image()),
    r"conv2d: the input must have 4 dims \(3 unbatched\), got shape \(4, 4\)": lambda: nn.Conv2d(4, 8, 3)(
        image(4, 4)
    ),
    "conv2d: all operands must have one dtype, got input float64 and float32": lambda: nn.Conv2d(4, 8, 3)(
        image().double()
    ),
    "conv2d: the input must be a tensor, got list": lambda: nn.Conv2d(4, 8, 3)([1.0]),
    r"conv2d: the bias must have shape \(8,\), got \(3,\)": lambda: rustorch.conv2d(
        image(), image(8, 4, 3, 3), image(3)
    ),
    "conv3d: the kernel must fit": lambda: rustorch.conv3d(image(1, 2, 2, 5, 5), image(3, 2, 3, 3, 3)),
    "Conv2d: groups must divide the channels": lambda: nn.Conv2d(4, 9, 3, groups=2),
    "Conv2d: kernel_size must be an integer >= 1": lambda: nn.Conv2d(4, 8, 0),
    "Conv2d: kernel_size must be an integer >= 1, or 2 of them": lambda: nn.Conv2d(4, 8, (3, 3, 3)),
    "Conv2d: kernel_size must be an integer or 2 of them, got 3.0": lambda: nn.Conv2d(4, 8, 3.0),
    "Conv2d: padding must be 'same', 'valid' or integers, got 'more'": lambda: nn.Conv2d(
        4, 8, 3, padding="more"
    ),
    "padding='same' needs a stride of 1": lambda: nn.Conv2d(4, 8, 3, 2, "same"),
    "padding_mode must be one of": lambda: nn.Conv2d(4, 8, 3, padding_mode="mirror"),
    "output_padding must be smaller than stride or dilation": lambda: nn.ConvTranspose2d(
        4, 8, 3, 2, output_padding=2
    )(image()),
    "output_size must be in": lambda: nn.ConvTranspose2d(4, 8, 3, 2)(image(), output_size=(40, 40)),
    r"must have 3 channels \(the weight's first size\)": lambda: nn.ConvTranspose2d(3, 8, 3)(image()),
    "padding must be at most half of the kernel size, got 2 for 2": lambda: nn.MaxPool2d(2, padding=2)(
        image()
    ),
    "the window must fit into the padded input, got 9 for 8": lambda: nn.MaxPool2d(9)(image()),
    "max_pool2d: the input must have 4 dims": lambda: nn.MaxPool2d(2)(image(8)),
    "avg_pool2d: a floating-point dtype is required, got int64": lambda: nn.AvgPool2d(2)(
        image(1, 4, 4).long()
    ),
    "divisor_override must be an integer and not 0": lambda: nn.AvgPool2d(2, divisor_override=0)(image()),
    "output_size must be an integer >= 0, or 2 of them": lambda: nn.AdaptiveAvgPool2d((2, 2, 2))(image()),
    "indices must be int64": lambda: nn.MaxUnpool2d(2)(image(), image()),
    "reflection needs less than the size": lambda: nn.ReflectionPad2d(8)(image()),
    "wrapping needs at most the size": lambda: nn.CircularPad2d(9)(image()),
    "ZeroPad2d: padding must be 1 or 4 integers": lambda: nn.ZeroPad2d((1, 2, 3)),
    "two numbers per dim are required": lambda: rustorch.pad(image(), (1,)),
    "a size would become negative": lambda: rustorch.pad(image(), (-5, -4)),
    "pad: mode must be": lambda: rustorch.pad(image(), (1, 1), "mirror"),
    "give either size or scale_factor": lambda: nn.Upsample()(image()),
    "mode 'linear' needs an input of 3 dims": lambda: nn.Upsample(4, mode="linear")(image()),
    "align_corners is for linear and cubic modes": lambda: nn.Upsample(4, align_corners=True)(image()),
    "the result would be empty": lambda: nn.Upsample(scale_factor=0.01)(image()),
    "antialias is not supported": lambda: rustorch.interpolate(image(), 4, mode="bilinear", antialias=True),
    "the channels must be a multiple of 9": lambda: nn.PixelShuffle(3)(image()),
    r"fold: the input must have shape \(N, multiple of 4, 9\)": lambda: nn.Fold((4, 4), 2)(image(1, 3, 9)),
    "the window must fit into the padded plane": lambda: nn.Unfold(9)(image()),
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors(text: str) -> None:
    with pytest.raises(rustorch.RusTorchError, match=text):
        ERRORS[text]()


def test_the_three_ops_come_from_one_plugin() -> None:
    """A plugin without a kernel of a gradient gets no say about the convolution either."""

    def offer(op: str) -> list[tables.Offer]:
        return [tables.Offer(Kernel(op, lambda *_a, **_k: None, frozenset({"float32"})), "half")]

    device = image().device
    ops = ("conv2d", "conv2d_input_grad", "conv2d_weight_grad")
    part = tables.Table(device, {op: offer(op) for op in ops[:2]})
    whole = tables.Table(device, {op: offer(op) for op in ops})
    for op in ops:
        assert not part.accepted(registry.ops[op], rustorch.float32)
        assert len(whole.accepted(registry.ops[op], rustorch.float32)) == 1


def test_fold_undoes_unfold_of_windows_that_do_not_overlap() -> None:
    x = rustorch.arange(24.0).reshape(1, 1, 4, 6)
    columns = nn.Unfold(2, stride=2)(x)
    assert tuple(columns.shape) == (1, 4, 6)
    assert nn.Fold((4, 6), 2, stride=2)(columns).tolist() == x.tolist()


@pytest.mark.parametrize(("kernel", "dilation"), [(2, 1), (3, 2), (4, 3)])
def test_same_padding_keeps_the_size(kernel: int, dilation: int) -> None:
    layer = nn.Conv1d(2, 3, kernel, padding="same", dilation=dilation)
    assert tuple(layer(image(1, 2, 9)).shape) == (1, 3, 9)
