"""A part of the core's own tests on the device; ``RUSTORCH_DEVICE=loopback pytest tests`` runs them all."""

import numpy as np
import pytest

import rustorch
from rustorch import nn
from rustorch.autograd import gradcheck, gradgradcheck
from rustorch.testing.cases import cases, flat

rustorch_loopback = pytest.importorskip("rustorch_loopback", reason="rustorch-loopback is not installed")
pytestmark = pytest.mark.usefixtures("loopback")

FIXED = [case for case in cases(without=frozenset({"random"})) if not case.function.name.startswith("empty")][
    ::3
]
SMOOTH = [
    case
    for case in FIXED
    if case.function.differentiable
    and any(operand.grad for operand in case.operands)
    and sum(int(np.prod(operand.shape)) for operand in case.operands) <= 12
][::2]


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in FIXED])
def test_samples(case):
    expected = case.call(*case.build("reference", "float32"))
    found = case.call(*case.build("loopback", "float32"))
    for a, b in zip(found, expected, strict=True):
        assert (a.dtype, a.shape, a.device()) == (b.dtype, b.shape, "loopback:0")
        np.testing.assert_allclose(a.to_numpy(), b.to_numpy(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in SMOOTH])
def test_derivatives(case):
    args, kwargs = case.build("loopback", requires_grad=True)
    inputs = [x for x in flat([*args, *kwargs.values()]) if x.requires_grad]
    if not any(y.requires_grad for y in case.call(args, kwargs)):
        pytest.skip("the result of this function never requires grad")

    def swapped(value, new):
        if isinstance(value, (list, tuple)):
            return type(value)(swapped(v, new) for v in value)
        return new.get(id(value), value)

    def function(*tensors):
        new = dict(zip(map(id, inputs), tensors, strict=True))
        return case.function.function(*swapped(args, new), **{k: swapped(v, new) for k, v in kwargs.items()})

    assert gradcheck(function, tuple(inputs), eps=1e-6, atol=2e-6, rtol=1e-5)
    assert gradgradcheck(function, tuple(inputs), eps=1e-6, atol=2e-5, rtol=1e-4)


def perceptron():
    return nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Dropout(0.2), nn.Linear(16, 4)), (32, 8)


def convolutional():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(36, 4),
    ), (16, 1, 6, 6)


def recurrent():
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.cells, self.head = nn.LSTM(5, 8, batch_first=True), nn.Linear(8, 4)

        def forward(self, x):
            return self.head(self.cells(x)[0][:, -1])

    return Last(), (8, 6, 5)


def transformer():
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
    return nn.Sequential(nn.TransformerEncoder(layer, 1), nn.Flatten(), nn.Linear(40, 4)), (8, 5, 8)


def losses(device, make, optimizer):
    with rustorch.device(device):
        rustorch.manual_seed(0)
        model, shape = make()
        x = rustorch.randn(*shape)
        target = rustorch.randint(0, 4, (shape[0],))
        update = getattr(rustorch.optim, optimizer)(model.parameters(), lr=0.01)
        found = []
        for _ in range(6):
            loss = nn.functional.cross_entropy(model(x), target)
            update.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            update.step()
            found.append(loss)
        return [loss.item() for loss in found]  # nothing was waited for in between


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
@pytest.mark.parametrize("make", [perceptron, convolutional, recurrent, transformer])
def test_training_gives_the_reference_losses(make, optimizer):
    found = losses("loopback", make, optimizer)
    assert found == pytest.approx(losses("reference", make, optimizer), rel=1e-5)
    assert len({*found}) == len(found)


def test_training_on_a_stream_of_its_own():
    expected = losses("reference", perceptron, "AdamW")
    side = rustorch.Stream()
    with rustorch.stream(side):
        assert losses("loopback", perceptron, "AdamW") == pytest.approx(expected, rel=1e-5)
