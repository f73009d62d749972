import math

import numpy as np
import pytest

import rustorch
from rustorch import nn
from rustorch.errors import ArgumentError, DTypeError, ShapeError
from rustorch.training import LOSSES, Model
from rustorch.training.heads import watched
from rustorch.training.losses import Scores
from rustorch.training.objective import Objective


def loss_of(name, prediction, target):
    return Objective(name)(Scores(prediction), target)


def numpy_cross_entropy(z, t):
    z = z.astype(np.float64)
    z = z - z.max(-1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
    return -np.take_along_axis(logp, t[..., None], -1).mean()


@pytest.fixture
def logits():
    return np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


TARGET = np.array([0, 3, 1, 1, 2, 0])


def softmax_model(classes, dtype="float32"):
    """A model that is nothing but softmax, so that its input is its logits."""
    return Model().add(f"Reshape({classes})").add("Softmax()").to(dtype)


@pytest.mark.parametrize(
    "name", ["cross_entropy", "categorical_crossentropy", "sparse_categorical_crossentropy"]
)
@pytest.mark.parametrize("one_hot", [False, True])
def test_cross_entropy_of_logits_and_softmax(name, one_hot, logits):
    target = np.eye(4, dtype=np.float32)[TARGET] if one_hot else TARGET
    model = softmax_model(4)
    model.compile(loss=name, optimizer="sgd")
    x = rustorch.tensor(logits)
    model(x)
    with watched(model) as heads:
        scores = heads.scores(model(x))
    assert scores.activation == "softmax"
    found = Objective(name)(scores, rustorch.tensor(target))
    assert float(found) == pytest.approx(numpy_cross_entropy(logits, TARGET), rel=1e-6)


def test_probabilities_without_known_logits(logits):
    p = rustorch.tensor(logits).softmax(-1)
    for target in (TARGET, np.eye(4)[TARGET]):
        found = float(loss_of("categorical_crossentropy", p, rustorch.tensor(target)))
        assert found == pytest.approx(numpy_cross_entropy(logits, TARGET), rel=1e-5)


def test_scores_that_are_no_probabilities_are_refused(logits):
    with pytest.raises(
        ArgumentError, match=r"do not sum to 1.*\n.*end the model in softmax, or use loss='cross_entropy'"
    ):
        loss_of("categorical_crossentropy", rustorch.tensor(logits), rustorch.tensor(TARGET))
    with pytest.raises(
        ArgumentError, match=r"binary_crossentropy: probabilities in \[0, 1\] .*\n.*bce_with_logits"
    ):
        loss_of("binary_crossentropy", rustorch.tensor(logits), rustorch.zeros((6, 4)))


@pytest.mark.parametrize("scale", [1.0, 100.0, 1e4, 1e30])
def test_softmax_with_extreme_logits_stays_exact(scale):
    z = np.array([[scale, -scale, 0.0], [scale, 0.0, -scale]], np.float32)
    target = rustorch.tensor([1, 2])  # the least likely classes
    model = softmax_model(3)
    x = rustorch.tensor(z, requires_grad=True)
    model(x)
    with watched(model) as heads:
        loss = Objective("categorical_crossentropy")(heads.scores(model(x)), target)
    loss.backward()
    assert float(loss) == pytest.approx(numpy_cross_entropy(z, np.array([1, 2])), rel=1e-6)
    gradient = x.grad.to_numpy()
    assert np.isfinite(gradient).all()
    assert gradient[0, 1] < -0.4  # a logarithm of a rounded probability would give 0 or NaN


def test_sigmoid_with_extreme_logits_stays_exact():
    model = Model().add("Reshape(1)").add("Sigmoid()")
    x = rustorch.tensor([[200.0], [-300.0]], requires_grad=True)
    model(x)
    with watched(model) as heads:
        loss = Objective("binary_crossentropy")(heads.scores(model(x)), rustorch.tensor([[0], [1]]))
    loss.backward()
    assert float(loss) == 250.0
    assert x.grad.tolist() == [[0.5], [-0.5]]


class Custom(nn.Module):
    """A module whose softmax is hidden inside, with more than one of them."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Softmax(dim=-1)
        self.body = nn.Sequential(nn.Linear(3, 3), nn.Softmax(dim=-1))

    def forward(self, x):
        return self.body(x * self.gate(x))


def test_logits_are_found_in_any_module():
    net = Custom()
    x = rustorch.randn((4, 3))
    with watched(net) as heads:
        scores = heads.scores(net(x))
    expected = net.body[0](x * net.gate(x))
    assert bool((scores.logits == expected).all())


def test_a_softmax_that_is_not_last_is_left_alone():
    net = nn.Sequential(nn.Softmax(dim=-1), nn.Linear(3, 3))
    with watched(net) as heads:
        assert heads.scores(net(rustorch.randn((4, 3)))).activation == ""


def test_numbers(logits):
    a, b = logits, logits[::-1].copy()
    pa, pb = rustorch.tensor(a), rustorch.tensor(b)
    d = a.astype(np.float64) - b
    assert float(loss_of("mse", pa, pb)) == pytest.approx((d**2).mean(), rel=1e-6)
    assert float(loss_of("mae", pa, pb)) == pytest.approx(np.abs(d).mean(), rel=1e-6)
    huber = np.where(np.abs(d) < 1, d**2 / 2, np.abs(d) - 0.5).mean()
    assert float(loss_of("huber", pa, pb)) == pytest.approx(huber, rel=1e-6)
    t = (b > 0).astype(np.int64)
    bce = (np.log1p(np.exp(a.astype(np.float64))) - a * t).mean()
    assert float(loss_of("bce_with_logits", pa, rustorch.tensor(t))) == pytest.approx(bce, rel=1e-6)
    assert float(loss_of("binary_crossentropy", pa.sigmoid(), rustorch.tensor(t))) == pytest.approx(
        bce, rel=1e-5
    )


def test_sequences_and_channels_first():
    z = rustorch.randn((2, 5, 3))
    t = rustorch.tensor(np.random.default_rng(0).integers(0, 3, (2, 5)))
    expected = numpy_cross_entropy(z.to_numpy(), t.to_numpy())
    assert float(loss_of("cross_entropy", z, t)) == pytest.approx(expected, rel=1e-5)
    assert float(loss_of("cross_entropy", z.transpose(1, 2), t)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["mse", "mae", "huber", "binary_crossentropy", "bce_with_logits"])
@pytest.mark.parametrize(("p", "t"), [((4, 1), (4,)), ((4,), (4, 1)), ((4, 3), (4, 1)), ((4, 3), (1, 3))])
def test_nothing_broadcasts(name, p, t):
    message = rf"{name}: prediction and target must have one shape, got \({p[0]},.*\nHint"
    with pytest.raises(ShapeError, match=message):
        loss_of(name, rustorch.zeros(p) + 0.5, rustorch.zeros(t))


@pytest.mark.parametrize(
    ("prediction", "target", "error", "message"),
    [
        (
            (4, 3),
            rustorch.zeros(4),
            DTypeError,
            r"class indices must be integers, got float32\n.*target.long\(\)",
        ),
        ((4, 3), rustorch.tensor([0, 1, 2]), ShapeError, r"indices \(4,\) or one-hot rows \(4, 3\)"),
        ((4, 3), rustorch.tensor([0, 1, 2, 3]), IndexError, "3"),
        ((4, 1), rustorch.tensor([0, 1, 1, 1]), ArgumentError, "two classes.*\n.*binary_crossentropy"),
        ((4,), rustorch.tensor([0, 1, 1, 1]), ShapeError, r"a prediction of shape \(batch, ..., classes\)"),
    ],
)
def test_targets_that_do_not_fit(prediction, target, error, message):
    def waited():
        loss_of("cross_entropy", rustorch.zeros(prediction), target)
        rustorch.synchronize()  # a kernel's own error may come that late

    with pytest.raises(error, match=message):
        waited()


def test_column_of_indices():
    z, t = rustorch.randn((4, 3)), rustorch.tensor([0, 1, 2, 1])
    assert float(loss_of("cross_entropy", z, t.unsqueeze(1))) == float(loss_of("cross_entropy", z, t))


def test_names_and_functions():
    assert {"mse", "mae", "huber", "cross_entropy", "bce_with_logits"} <= LOSSES.keys()
    with pytest.raises(ArgumentError, match=r"no loss 'mze'; did you mean mse\?"):
        Objective("mze")
    assert Objective(nn.MSELoss).name == "MSELoss"
    assert Objective(nn.CrossEntropyLoss()).task == "categorical"
    assert math.isclose(
        float(Objective(lambda p, t: ((p - t) ** 2).mean())(Scores(rustorch.ones(2)), rustorch.zeros(2))), 1
    )
    with pytest.raises(
        ShapeError, match=r"loss <lambda>: a tensor of one element is required, got shape \(2,\)"
    ):
        Objective(lambda p, t: p - t)(Scores(rustorch.ones(2)), rustorch.zeros(2))
    with pytest.raises(ShapeError, match="got float"):
        Objective(lambda _p, _t: 1.0)(Scores(rustorch.ones(2)), rustorch.zeros(2))


def test_softmax_twice_is_warned_about():
    objective = Objective(nn.CrossEntropyLoss())
    z = rustorch.randn((2, 3))
    scores = Scores(z.softmax(-1), z, "softmax", 1)
    with pytest.warns(UserWarning, match="CrossEntropyLoss applies softmax itself"):
        objective(scores, rustorch.tensor([0, 1]))
    objective(scores, rustorch.tensor([0, 1]))  # once is enough
