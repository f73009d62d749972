import numpy as np
import pytest
from sklearn import metrics as sk

import rustorch
from rustorch.errors import ArgumentError, DTypeError, OutOfBoundsError, ShapeError
from rustorch.training import F1, MAE, MSE, RMSE, Accuracy, Precision, Recall, TopKAccuracy, confusion_matrix
from rustorch.training.metrics import metric, metrics_of


def data(samples=200, classes=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(samples, classes)).astype(np.float32), rng.integers(0, classes, samples)


def streamed(made, scores, target, size=37):
    for i in range(0, len(scores), size):
        made.update(rustorch.tensor(scores[i : i + size]), rustorch.tensor(target[i : i + size]))
    return made.compute()


@pytest.mark.parametrize(("name", "average"), [("macro", "macro"), ("micro", "micro"), ("auto", "macro")])
@pytest.mark.parametrize(
    ("kind", "reference"), [(Precision, sk.precision_score), (Recall, sk.recall_score), (F1, sk.f1_score)]
)
def test_multiclass_counts(kind, reference, name, average):
    scores, target = data()
    expected = reference(target, scores.argmax(1), average=average)
    assert streamed(kind(name), scores, target) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("kind", "reference"), [(Precision, sk.precision_score), (Recall, sk.recall_score), (F1, sk.f1_score)]
)
def test_binary_counts(kind, reference):
    rng = np.random.default_rng(1)
    probability = rng.random((150, 1)).astype(np.float32)
    target = (rng.random((150, 1)) < probability).astype(np.float32)
    expected = reference(target[:, 0], probability[:, 0] > 0.5)
    assert streamed(kind(), probability, target) == pytest.approx(expected, abs=1e-12)
    assert streamed(kind("binary"), probability, target) == pytest.approx(expected, abs=1e-12)


def test_accuracy_of_every_form_of_target():
    scores, target = data()
    expected = (scores.argmax(1) == target).mean()
    one_hot = np.eye(5, dtype=np.float32)[target]
    for form in (target, target[:, None], target.astype(np.int32), one_hot, one_hot.astype(np.int64)):
        assert streamed(Accuracy(), scores, form) == expected


def test_accuracy_of_binary_forms():
    p = rustorch.tensor([0.9, 0.2, 0.6, 0.4])
    t = rustorch.tensor([1.0, 0.0, 0.0, 1.0])
    assert Accuracy()(p, t) == 0.5
    assert Accuracy()(p.unsqueeze(1), t.unsqueeze(1)) == 0.5
    assert Accuracy(threshold=0.7)(p, t) == 0.75
    assert Accuracy()(p, t.long()) == 0.5
    assert Accuracy()(p, t.bool()) == 0.5


def test_accuracy_of_sequences_and_pictures():
    scores = rustorch.randn((2, 3, 4))
    best = scores.argmax(-1)
    assert Accuracy()(scores, best) == 1.0
    picture = rustorch.randn((2, 3, 4, 5))  # channels first
    assert Accuracy()(picture, picture.argmax(1)) == 1.0


def test_multi_label_is_decided_by_the_loss():
    p, t = rustorch.tensor([[0.9, 0.8], [0.1, 0.7]]), rustorch.tensor([[1.0, 1.0], [0.0, 0.0]])
    (by_element,) = metrics_of("accuracy", "binary")
    (by_row,) = metrics_of("accuracy")
    assert (by_element(p, t), by_row(p, t)) == (0.75, 0.5)


def test_values_are_those_of_all_batches_and_not_means_of_batches():
    made = Accuracy()
    made.update(rustorch.tensor([0.9, 0.9, 0.9]), rustorch.tensor([1, 1, 1]))
    made.update(rustorch.tensor([0.9]), rustorch.tensor([0]))
    assert made.compute() == 0.75
    made.reset()
    assert made.compute() == 0.0


@pytest.mark.parametrize("k", [1, 2, 4])
def test_top_k(k):
    scores, target = data()
    expected = sk.top_k_accuracy_score(target, scores, k=k)
    assert streamed(TopKAccuracy(k), scores, target) == pytest.approx(expected)
    assert streamed(TopKAccuracy(k), scores, np.eye(5)[target]) == pytest.approx(expected)


def test_top_k_gives_nothing_to_ties_and_nan():
    same = rustorch.zeros((4, 4))
    assert TopKAccuracy(2)(same, rustorch.arange(4)) == 0.5
    assert TopKAccuracy(2)(same * float("nan"), rustorch.arange(4)) == 0.0


def test_errors_of_numbers():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(50, 2)), rng.normal(size=(50, 2))
    assert streamed(MAE(), a, b) == pytest.approx(sk.mean_absolute_error(a, b))
    assert streamed(MSE(), a, b) == pytest.approx(sk.mean_squared_error(a, b))
    assert streamed(RMSE(), a, b) == pytest.approx(np.sqrt(sk.mean_squared_error(a, b)))


def test_confusion_matrix():
    scores, target = data()
    found = confusion_matrix(rustorch.tensor(scores), rustorch.tensor(target))
    assert found.tolist() == sk.confusion_matrix(target, scores.argmax(1)).tolist()
    labels = confusion_matrix(rustorch.tensor([0, 2]), rustorch.tensor([0, 1]), classes=4)
    assert labels.tolist() == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert confusion_matrix(rustorch.tensor([0.9]), rustorch.tensor([0])).tolist() == [[0, 1], [0, 0]]
    with pytest.raises(ArgumentError, match="labels must be below 2, got 2"):
        confusion_matrix(rustorch.tensor([0, 2]), rustorch.tensor([0, 1]), classes=2)


@pytest.mark.parametrize(
    ("prediction", "target", "error", "message"),
    [
        (
            rustorch.zeros((3, 1)),
            rustorch.zeros(3),
            ShapeError,
            r"must have one shape, got \(3, 1\) and \(3,\)\n.*reshape",
        ),
        (
            rustorch.zeros((3, 4)),
            rustorch.zeros(3),
            DTypeError,
            r"class indices must be integers.*\n.*target.long\(\)",
        ),
        (
            rustorch.zeros((3, 4)),
            rustorch.tensor([0, 1, 4]),
            OutOfBoundsError,
            r"must be in \[0, 3\], got 0 to 4",
        ),
        (rustorch.zeros((3, 4)), rustorch.tensor([0, -1, 0]), OutOfBoundsError, "got -1 to 0"),
        (rustorch.zeros((3, 4)), rustorch.zeros((2,)), ShapeError, "same number of samples"),
        (rustorch.zeros((3, 4)), rustorch.zeros((3, 5)), ShapeError, "one-hot rows"),
        (
            rustorch.zeros(3),
            rustorch.tensor([0.0, 1.5, 1.0]),
            ArgumentError,
            r"must be 0 or 1, got 1.5\n.*regression",
        ),
    ],
)
def test_what_does_not_fit(prediction, target, error, message):
    with pytest.raises(error, match=message):
        Accuracy()(prediction, target)


def test_names():
    assert [m.name for m in metrics_of(["accuracy", "top_3_accuracy", "f1_macro", "mae", Recall])] == [
        "accuracy", "top_3_accuracy", "f1_macro", "mae", "recall",
    ]  # fmt: skip
    assert metrics_of("acc")[0].name == "acc"
    assert metrics_of(None) == []
    with pytest.raises(ArgumentError, match=r"no metric 'acuracy'; did you mean accuracy\?"):
        metric("acuracy")
    with pytest.raises(ArgumentError, match="'mae' occurs twice"):
        metrics_of(["mae", MAE()])
    with pytest.raises(ArgumentError, match="'loss' is always there"):
        metrics_of([MAE(name="loss")])
    with pytest.raises(ArgumentError, match="average must be one of"):
        F1("weird")
    with pytest.raises(ArgumentError, match="k must be"):
        TopKAccuracy(0)


def test_a_users_function():
    def bias(prediction, target):
        return (prediction - target).mean()

    made = metric(bias)
    made.update(rustorch.ones((3, 1)), rustorch.zeros((3, 1)))
    made.update(rustorch.ones((1, 1)) * 5, rustorch.zeros((1, 1)))
    assert (made.name, made.compute()) == ("bias", 2.0)
    with pytest.raises(ArgumentError, match="metric <lambda>: one number is required"):
        metric(lambda _p, _t: None)(rustorch.ones(2), rustorch.ones(2))
