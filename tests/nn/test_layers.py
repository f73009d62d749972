"""What layers and losses refuse, and what they do by themselves."""

import numpy as np
import pytest

import rustorch
from rustorch import nn
from rustorch.nn import functional as F

DEVICE = rustorch.get_default_device().type
DEVICES = sorted({DEVICE, "reference"})
ONES = rustorch.ones
IN_01 = r"the input must lie in \[0, 1\]"
#: The op itself where its kernel or its decomposition can wait for the index, else the kernel that met it later.
TARGET_3 = "target 3 is out of bounds for 3|gather: index 3 is out of bounds for dimension 1 with size 3"
WRONG = [
    (lambda: nn.Linear(-1, 2), ValueError, "Linear: in_features must be an integer of at least 0, got -1"),
    (lambda: nn.Linear(2, 2.5), ValueError, "Linear: out_features must be an integer of at least 0, got 2.5"),
    (lambda: nn.Linear(2, 2)(ONES(3)), ValueError, "linear: the input's last size must be 2"),
    (lambda: nn.Linear(2, 2)(ONES(1, 2).double()), TypeError, "linear: all operands must have one dtype"),
    (lambda: nn.Bilinear(0, 1, 1), ValueError, "Bilinear: in1_features must be a positive integer, got 0"),
    (lambda: nn.Dropout(1.5), ValueError, r"Dropout: p must be a probability in \[0, 1\], got 1.5"),
    (lambda: nn.BatchNorm2d(3)(ONES(2, 3)), ValueError, "BatchNorm2d: an input of 4 dims is required"),
    (lambda: nn.BatchNorm1d(3)(ONES(2, 4)), ValueError, r"batch_norm: the running_mean must have shape \(4,\)"),
    (lambda: nn.BatchNorm1d(3)(ONES(1, 3)), ValueError, "more than one value per channel is required in training"),
    (lambda: nn.BatchNorm1d(3)(ONES(2, 3).long()), TypeError, "a floating-point input is required, got int64"),
    (lambda: F.batch_norm(ONES(2, 3), None, None), ValueError, "running_mean and running_var are required"),
    (lambda: nn.LayerNorm(3)(ONES(2, 4)), ValueError, r"layer_norm: the input's last sizes must be \(3,\)"),
    (lambda: nn.LayerNorm(()), ValueError, "normalized_shape must have at least one size"),
    (lambda: nn.LayerNorm("a"), TypeError, "normalized_shape must be an integer or several"),
    (lambda: nn.GroupNorm(2, 3), ValueError, "num_groups must divide num_channels, got 2 and 3"),
    (lambda: F.group_norm(ONES(2, 3, 2), 2), ValueError, "num_groups must divide the 3 channels"),
    (lambda: F.instance_norm(ONES(2, 3, 1)), ValueError, "more than one value per channel"),
    (lambda: nn.Embedding(3, 2)(rustorch.tensor([3])), IndexError, "index 3 is out of bounds"),
    (lambda: nn.Embedding(3, 2)(ONES(2)), TypeError, "embedding: the input must be integers, got float32"),
    (lambda: nn.Embedding(3, 2, padding_idx=3), ValueError, r"padding_idx must be in \[-3, 2\], got 3"),
    (lambda: nn.Embedding(3, 2, sparse=True), ValueError, "sparse gradients do not exist"),
    (lambda: F.one_hot(rustorch.tensor([4]), 3), IndexError, "one_hot: class 4 is out of bounds for 3 classes"),
    (lambda: F.one_hot(ONES(2)), TypeError, "one_hot: int64 class numbers are required"),
    (lambda: nn.PReLU(0), ValueError, "num_parameters must be a positive integer, got 0"),
    (lambda: F.prelu(ONES(2, 3), ONES(4)), ValueError, r"one slope or one per channel \(3\) is required, got 4"),
    (lambda: F.gelu(ONES(2), approximate="x"), ValueError, "gelu: approximate must be 'none' or 'tanh', got 'x'"),
    (lambda: F.gelu(rustorch.arange(2)), TypeError, "gelu: not defined for int64 tensors"),
    (lambda: F.glu(ONES(3)), ValueError, "glu: the size along dim -1 must be even, got 3"),
    (lambda: rustorch.softmax(rustorch.arange(2), 0), TypeError, "softmax: a floating-point dtype is required"),
    (lambda: rustorch.softmax(ONES(2), 1), IndexError, "softmax: dim must be in"),
    (lambda: F.relu(ONES(2), False, 3), TypeError, "positional argument"),
    (lambda: F.leaky_relu(ONES(2), 0.1, False, 3), TypeError, "leaky_relu: takes 3 arguments, got 4"),
    (lambda: nn.MSELoss("all"), ValueError, "MSELoss: reduction must be one of 'none', 'mean', 'sum', got 'all'"),
    (lambda: F.mse_loss(ONES(2), 3), TypeError, "mse_loss: target must be a tensor, got int"),
    (lambda: F.cross_entropy(ONES(2, 3), rustorch.tensor([0, 3])), IndexError, TARGET_3),
    (lambda: F.cross_entropy(ONES(2, 3), rustorch.tensor([0])), ValueError, r"target must have shape \(2,\)"),
    (lambda: F.cross_entropy(ONES(2, 3), ONES(2)), TypeError, "class numbers must be integers, got float32"),
    (lambda: F.cross_entropy(ONES(2, 3), ONES(2).long(), ONES(2)), ValueError, r"one weight per class \(3\)"),
    (lambda: F.cross_entropy(ONES(2, 3), ONES(2).long(), label_smoothing=2), ValueError, "label_smoothing must be in"),
    (lambda: F.cross_entropy(ONES(2, 3).long(), ONES(2).long()), TypeError, "a floating-point input is required"),
    (lambda: F.binary_cross_entropy(ONES(2) * 2, ONES(2)), ValueError, IN_01),
    (lambda: F.binary_cross_entropy(ONES(2), ONES(3)), ValueError, "input and target must have one shape"),
    (lambda: F.huber_loss(ONES(2), ONES(2), delta=0), ValueError, "huber_loss: delta must be positive, got 0"),
    (lambda: F.triplet_margin_loss(ONES(2), ONES(2), ONES(2), -1), ValueError, "margin must be positive, got -1"),
    (lambda: F.cosine_embedding_loss(ONES(2), ONES(2), ONES(2)), ValueError, "are required"),
]  # fmt: skip


def all_of(action):
    """Do something and wait for it: what a kernel has to say may come late."""
    action()
    rustorch.synchronize()


@pytest.mark.parametrize(("action", "error", "text"), WRONG)
@pytest.mark.parametrize("device", DEVICES)
def test_errors(action, error, text, device):
    before = rustorch.get_default_device()
    rustorch.set_default_device(device)
    if text == IN_01 and not rustorch.get_default_device().info.host_memory:
        rustorch.set_default_device(before)
        pytest.skip("values are looked at on devices with host memory only")
    try:
        with pytest.raises(error, match=text) as caught:
            all_of(action)
    finally:
        rustorch.set_default_device(before)
    assert "positional" in text or isinstance(caught.value, rustorch.RusTorchError)


def test_a_broadcast_target_warns():
    with pytest.warns(UserWarning, match="have different shapes"):
        F.mse_loss(ONES(2, 1), ONES(2))


def test_softmax_without_dim_warns():
    with pytest.warns(UserWarning, match="give dim"):
        assert nn.Softmax()(ONES(2, 4)).tolist() == [[0.25] * 4] * 2


def test_dropout_only_in_training():
    layer = nn.Dropout(0.5)
    x = ONES(1000)
    kept = layer(x).to_numpy()
    assert set(kept.tolist()) == {0.0, 2.0}
    assert 0.4 < (kept > 0).mean() < 0.6
    assert layer.eval()(x) is x or bool((layer(x) == x).all())
    for name in ("Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"):
        cls = getattr(nn, name)
        y = cls(0.5)(ONES(2, 3, *([4] * {"Dropout2d": 2, "Dropout3d": 3}.get(name, 1))))
        assert bool(y.isfinite().all())
        assert repr(cls(0.3)) == f"{name}(p=0.3, inplace=False)"


def test_batch_norm_keeps_running_statistics():
    layer = nn.BatchNorm1d(2)
    x = rustorch.randn(50, 2) * 3 + 1
    for _ in range(100):
        layer(x)
    assert int(layer.num_batches_tracked) == 100
    np.testing.assert_allclose(layer.running_mean.to_numpy(), x.to_numpy().mean(0), rtol=1e-3)
    np.testing.assert_allclose(layer.running_var.to_numpy(), x.to_numpy().var(0, ddof=1), rtol=1e-3)
    y = layer.eval()(x)
    np.testing.assert_allclose(y.to_numpy().mean(0), 0, atol=1e-3)
    layer.reset_running_stats()
    assert layer.running_mean.tolist() == [0, 0]
    old = {k: v for k, v in layer.state_dict().items() if k != "num_batches_tracked"}
    layer.load_state_dict(old)  # states from before num_batches_tracked existed


def test_embedding_from_rows():
    rows = rustorch.arange(6).float().reshape(3, 2)
    table = nn.Embedding.from_pretrained(rows)
    assert not table.weight.requires_grad
    assert table(rustorch.tensor([2, 0])).tolist() == [[4, 5], [0, 1]]


def test_gumbel_softmax():
    rustorch.manual_seed(0)
    logits = rustorch.tensor([[0.1, 0.7, 0.2]]).log().expand(20000, 3)
    hard = F.gumbel_softmax(logits, hard=True)
    np.testing.assert_allclose(hard.mean(0).to_numpy(), [0.1, 0.7, 0.2], atol=0.02)
    soft = F.gumbel_softmax(logits, tau=0.5)
    np.testing.assert_allclose(soft.sum(-1).to_numpy(), 1, rtol=1e-5)


def test_a_small_net_learns_on_both_backends():
    def losses(device):
        rustorch.manual_seed(0)
        net = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Linear(8, 2)).to(
            device
        )
        x = rustorch.randn(64, 2).to(device)
        target = (x[:, 0] * x[:, 1] > 0).long()
        found = []
        for _ in range(60):
            loss = F.cross_entropy(net(x), target)
            net.zero_grad()
            loss.backward()
            with rustorch.no_grad():
                for p in net.parameters():
                    p.sub_(p.grad * 0.3)
            found.append(loss.item())
        return found

    found = {device: losses(device) for device in (DEVICE, "reference")}
    assert found[DEVICE][-1] < 0.5 * found[DEVICE][0]
    np.testing.assert_allclose(found[DEVICE], found["reference"], rtol=2e-3)
