"""Models fused for inference compute what the models they were made of do, and refuse what they cannot."""

import copy
import pickle

import numpy as np
import pytest

import rustorch
from rustorch import nn, optim, utils
from rustorch.nn import functional as F

DEVICE = rustorch.get_default_device()
FUSES = rustorch.ops.linear_fused.panel_width(DEVICE, rustorch.float32) > 0
only_with_kernel = pytest.mark.skipif(not FUSES, reason=f"{DEVICE} has no kernel of linear_fused")

fuse = nn.utils.fuse_for_inference


def mlp():
    return nn.Sequential(nn.Linear(20, 70), nn.ReLU(), nn.Dropout(0.5), nn.Linear(70, 33), nn.Tanh()).eval()


def same(fused, model, *inputs):
    """Compare within a few roundings of sums; return the fused model."""
    with rustorch.no_grad():
        expected, found = model(*inputs), fused(*inputs)
    size = np.abs(expected.to_numpy()).max(initial=1)
    epsilon = 2.0**-52 if expected.dtype is rustorch.float64 else 2.0**-23
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy(), rtol=0, atol=16 * epsilon * size)
    return fused


@pytest.mark.parametrize(
    "layer",
    [nn.ReLU(), nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Tanh(), nn.Sigmoid(), nn.ELU(), nn.Identity()],
    ids=repr,
)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [rustorch.float32, rustorch.float64])
def test_linear_and_activation(layer, bias, dtype):
    model = nn.Sequential(nn.Linear(30, 50, bias=bias), layer, nn.Linear(50, 3, bias=bias)).to(dtype).eval()
    fused = fuse(model)
    for shape in [(1, 30), (7, 30), (2, 3, 30), (0, 30), (30,)]:
        same(fused, model, rustorch.randn(*shape, dtype=dtype))


@only_with_kernel
def test_what_is_fused():
    model = mlp()
    fused = fuse(model)
    assert [type(part).__name__ for part in fused] == [
        "FusedLinear",
        "Identity",
        "Dropout",
        "FusedLinear",
        "Identity",
    ]
    assert [fused[0].activation, fused[3].activation] == ["relu", "tanh"]
    assert list(fused.parameters()) == []
    assert repr(fused[0]) == "FusedLinear(in_features=20, out_features=70, bias=True, activation='relu')"
    assert type(fuse(nn.Linear(2, 40).eval())) is nn.FusedLinear


def test_the_given_model_stays_as_it_is():
    model = mlp()
    before, text = copy.deepcopy(model.state_dict()), repr(model)
    fused = fuse(model)
    x = rustorch.randn(3, 20)
    expected = fused(x)
    assert repr(model) == text
    assert all((before[key] == value).all() for key, value in model.state_dict().items())
    with rustorch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert (fused(x) == expected).all()


def test_training_mode_is_refused():
    model = mlp()
    model[2].train()
    with pytest.raises(ValueError, match=r"required, got 2 \(Dropout\) in training mode\nHint: call"):
        fuse(model)
    with pytest.raises(TypeError, match="fuse_for_inference: a Module is required, got int"):
        fuse(3)


@only_with_kernel
def test_a_fused_model_cannot_be_trained():
    with pytest.raises(
        ValueError, match="FusedLinear: a model that is fused for inference cannot be trained"
    ):
        fuse(mlp()).train()
    with pytest.raises(ValueError, match="activation must be one of none, relu.*, got 'elu'"):
        nn.FusedLinear(2, 3, activation="elu")


def test_the_state_is_that_of_the_model():
    model, other = mlp(), mlp()
    fused = fuse(model)
    state = fused.state_dict()
    assert list(state) == list(model.state_dict())
    assert all((state[key] == value).all() for key, value in model.state_dict().items())
    fused.load_state_dict(other.state_dict())
    same(fused, other, rustorch.randn(3, 20))
    wide = {key: value.double() for key, value in model.state_dict().items()}
    fused.load_state_dict(wide)
    same(fused, model, rustorch.randn(3, 20))
    fused.load_state_dict(wide, assign=True)
    same(fused, copy.deepcopy(model).double(), rustorch.randn(3, 20, dtype=rustorch.float64))
    again = mlp()
    again.load_state_dict(fused.state_dict())
    same(again, model, rustorch.randn(3, 20))
    with pytest.raises(
        RuntimeError, match=r"0.weight: the module has shape \(70, 20\), the state has \(7, 20\)"
    ):
        fused.load_state_dict({**state, "0.weight": rustorch.ones(7, 20)})


def test_copies_and_files(tmp_path):
    model = mlp()
    fused = fuse(model)
    same(copy.deepcopy(fused), model, rustorch.randn(3, 20))
    same(pickle.loads(pickle.dumps(fused)), model, rustorch.randn(3, 20))
    utils.save_model(fused, tmp_path / "fused.rustorch")
    same(utils.load_model(tmp_path / "fused.rustorch"), model, rustorch.randn(3, 20))


def test_moves():
    model = mlp()
    fused = fuse(model)
    x = rustorch.randn(3, 20)
    same(fused.double(), copy.deepcopy(model).double(), x.double())
    half = fused.half()(x.half())
    assert half.dtype is rustorch.float16
    np.testing.assert_allclose(half.float().to_numpy(), model(x).detach().to_numpy(), atol=0.01)
    fused = fuse(model)
    expected = model(x).detach().to_numpy()
    elsewhere = fused.to("reference")(x.to("reference"))
    assert elsewhere.device.type == "reference"
    np.testing.assert_allclose(elsewhere.to_numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(fused.to(DEVICE)(x).to_numpy(), expected, atol=1e-5)


def test_without_a_kernel_linear_layers_stay():
    model = mlp().to("reference")
    assert repr(fuse(model)) == repr(model)


def test_gradients_of_the_input():
    model = mlp().double()
    x = rustorch.randn(3, 20, dtype=rustorch.float64, requires_grad=True)
    expected = rustorch.autograd.grad(model(x).sum(), x)[0]
    found = rustorch.autograd.grad(fuse(model)(x).sum(), x)[0]
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy(), rtol=1e-12, atol=1e-14)


class Net(nn.Module):
    """One whose code reads a weight, uses a layer twice, and keeps one under another name."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(8, 40)
        self.chains = nn.ModuleList(
            [nn.Sequential(self.first, nn.ReLU()), nn.Sequential(self.first, nn.GELU())]
        )
        self.tied = nn.Linear(40, 8)
        self.tied.weight = nn.Parameter(self.first.weight.detach().T.contiguous())

    def forward(self, x):
        parts = [chain(x) for chain in self.chains]
        return self.tied(parts[0] + parts[1]) + F.linear(self.first(x), self.tied.weight)


def test_shared_layers_and_weights_that_are_read():
    model = Net().eval()
    fused = same(fuse(model), model, rustorch.randn(5, 8))
    if FUSES:
        assert {chain[0].activation for chain in fused.chains} == {"relu", "gelu"}
        assert fused.first.activation == "none"
        assert fused.first.weight.shape == (40, 8)
        fused.first.weight = nn.Parameter(rustorch.zeros(40, 8))
        assert list(fused.first.parameters()) == []
        assert (fused.first(rustorch.ones(8)) == fused.first.bias).all()


def test_layers_with_hooks_stay():
    model = mlp()
    seen = []
    model[0].register_forward_hook(lambda *_: seen.append(0))
    model[4].register_forward_hook(lambda *_: seen.append(4))
    fused = fuse(model)
    assert type(fused[0]) is nn.Linear
    assert type(fused[4]) is nn.Tanh
    fused(rustorch.randn(2, 20))
    assert seen == [0, 4]


@pytest.mark.parametrize("activation", ["relu", "gelu", F.relu, F.gelu, rustorch.tanh, nn.SiLU()])
@pytest.mark.parametrize("norm_first", [True, False])
def test_transformer_layers(activation, norm_first):
    options = {"activation": activation, "norm_first": norm_first, "batch_first": True}
    encoder = nn.TransformerEncoderLayer(16, 2, 40, **options).eval()
    x, memory = rustorch.randn(2, 5, 16), rustorch.randn(2, 3, 16)
    fused = same(fuse(encoder), encoder, x)
    if FUSES and activation is not rustorch.tanh:
        assert fused.linear1.activation != "none"
    decoder = nn.TransformerDecoderLayer(16, 2, 40, **options).eval()
    same(fuse(decoder), decoder, x, memory)
    stack = nn.TransformerEncoder(encoder, 2).eval()
    same(fuse(stack), stack, x)


def test_attention_alone():
    attention = nn.MultiheadAttention(8, 2).eval()
    x = rustorch.randn(4, 1, 8)
    assert (fuse(attention)(x, x, x)[0] == attention(x, x, x)[0]).all()


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_convolution_and_batch_norm(ndim, bias, affine):
    convolution, norm = getattr(nn, f"Conv{ndim}d"), getattr(nn, f"BatchNorm{ndim}d")
    model = nn.Sequential(convolution(4, 6, 3, groups=2, bias=bias), norm(6, affine=affine), nn.ReLU())
    x = rustorch.randn(5, 4, *[6] * ndim)
    for _ in range(3):
        model(x)
    if affine:
        nn.init.uniform_(model[1].weight, -1, 1)
        nn.init.uniform_(model[1].bias, -1, 1)
    model.eval()
    fused = same(fuse(model), model, x)
    assert type(fused[1]) is nn.Identity
    same(nn.utils.fuse_conv_bn_eval(model[0], model[1]), model[:2], x)
    with pytest.raises(RuntimeError, match=r"unexpected keys: .*1\.running_mean"):
        fused.load_state_dict(model.state_dict())


def test_batch_norms_that_cannot_be_folded():
    conv = nn.Conv2d(3, 4, 1).eval()
    for norm in (
        nn.BatchNorm2d(4, track_running_stats=False).eval(),
        nn.BatchNorm2d(5).eval(),
        nn.BatchNorm1d(4).eval(),
    ):
        assert type(fuse(nn.Sequential(conv, norm).eval())[1]) is type(norm)
        with pytest.raises(
            ValueError, match="fuse_conv_bn_eval: a convolution and a batch normalisation of its"
        ):
            nn.utils.fuse_conv_bn_eval(conv, norm)
    with pytest.raises(ValueError, match=r"Hint: call \.eval\(\) on both first"):
        nn.utils.fuse_conv_bn_eval(conv, nn.BatchNorm2d(4))


def test_a_trained_model():
    rustorch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 40), nn.GELU(), nn.Linear(40, 40), nn.GELU(), nn.Linear(40, 2))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    x = rustorch.randn(64, 4)
    y = (x[:, 0] > x[:, 1]).to(rustorch.int64)
    for _ in range(20):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    same(fuse(model.eval()), model, x)
