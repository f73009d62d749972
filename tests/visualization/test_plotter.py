"""Every method of Plotter writes the picture that it says; pictures are read back."""

import math
import subprocess
import sys

import matplotlib.image
import numpy as np
import pytest

import rustorch
from rustorch.visualization import Plotter, TensorStats, plot_attention_heatmap

HISTORY = {"train_loss": [2.0, 1.0, 0.5], "val_loss": [2.1, None, 0.7], "accuracy": [0.1, 0.5, 0.9]}
RANDOM = np.random.default_rng(0)


@pytest.fixture
def plotter():
    return Plotter()


def picture(path):
    """Read a picture back and make sure that something is drawn on it."""
    pixels = matplotlib.image.imread(path)
    assert pixels.std() > 0.01, "the picture is blank"
    return pixels


CASES = {
    "history": lambda p, f: p.plot_training_history(HISTORY, f),
    "image": lambda p, f: p.plot_tensor_as_image(rustorch.eye(5), "Eye", f),
    "line": lambda p, f: p.line_plot([1, 2, 3], rustorch.tensor([3.0, 1.0, 2.0]), "Line", f),
    "scatter": lambda p, f: p.scatter_plot(
        [1, 2, 3], [3, 1, 2], "Dots", f, colors=[1, 2, 3], sizes=[9, 40, 99]
    ),
    "histogram": lambda p, f: p.histogram(rustorch.tensor([1.0, 2.0, 2.0]), 5, "Values", f),
    "multiple": lambda p, f: p.plot_multiple_tensors([rustorch.eye(3), [1, 2, 3]], ["a", "b"], (1, 2), f),
    "confusion": lambda p, f: p.plot_confusion_matrix([[5, 1], [0, 7]], ["no", "yes"], save_path=f),
    "attention": lambda _, f: plot_attention_heatmap(rustorch.eye(2), ["a", "b"], "Head", f),
    "stats": lambda _, f: TensorStats([1.0, 2.0, 5.0]).plot_stats(f),
}


@pytest.mark.parametrize("name", CASES)
def test_writes_the_picture_and_returns_the_figure(name, plotter, tmp_path):
    file = tmp_path / f"{name}.png"
    figure = CASES[name](plotter, file)
    width, height = figure.get_size_inches() * figure.dpi
    assert picture(file).shape[:2] == (pytest.approx(height, abs=1), pytest.approx(width, abs=1))


def test_nothing_is_written_without_a_path(plotter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for draw in CASES.values():
        assert draw(plotter, None).axes
    assert not list(tmp_path.iterdir())


def test_size_and_resolution(tmp_path):
    Plotter(figure_size=(4, 3), dpi=50).line_plot([0, 1], [0, 1], save_path=tmp_path / "small.png")
    assert picture(tmp_path / "small.png").shape[:2] == (150, 200)


@pytest.mark.parametrize("ending", ["svg", "pdf", "jpg"])
def test_the_ending_chooses_the_format(plotter, tmp_path, ending):
    file = tmp_path / f"x.{ending}"
    plotter.histogram([1.0, 2.0], save_path=str(file))
    start = {"svg": b"<?xml", "pdf": b"%PDF", "jpg": b"\xff\xd8"}[ending]
    assert file.read_bytes().startswith(start)


class TestHistory:
    def test_one_panel_per_quantity_on_whole_epochs(self, plotter):
        loss, accuracy = plotter.plot_training_history(HISTORY).axes
        assert [loss.get_title(), accuracy.get_title()] == ["Loss", "Accuracy"]
        assert all(tick == int(tick) for tick in loss.get_xticks())
        train, validation = loss.get_lines()
        assert list(train.get_xdata()) == [1, 2, 3]
        assert list(validation.get_xdata()) == [1, 3]
        assert [text.get_text() for text in loss.get_legend().get_texts()] == ["training", "validation"]

    def test_without_validation(self, plotter):
        figure = plotter.plot_training_history(HISTORY, show_validation=False)
        assert len(figure.axes[0].get_lines()) == 1

    def test_of_training(self, plotter):
        history = rustorch.training.TrainingHistory()
        history.add_epoch(1.0, metrics={"accuracy": 0.5})
        history.add_epoch(0.5, 0.6, {"accuracy": 0.7, "val_accuracy": 0.6})
        loss, accuracy = plotter.plot_training_history(history).axes
        assert list(loss.get_lines()[1].get_xdata()) == [2]
        assert list(accuracy.get_lines()[1].get_xdata()) == [2]

    @pytest.mark.parametrize("history", [{}, {"loss": []}])
    def test_empty(self, plotter, history):
        with pytest.raises(rustorch.ArgumentError, match="the history holds no epoch"):
            plotter.plot_training_history(history)

    def test_of_something_else(self, plotter):
        with pytest.raises(rustorch.ArgumentTypeError, match=r"a TrainingHistory or a mapping .* got int"):
            plotter.plot_training_history(3)


class TestImages:
    @pytest.mark.parametrize(
        "shape", [(4, 5), (1, 4, 5), (3, 4, 5), (4, 4, 5), (6, 4, 5), (7, 1, 4, 5), (2, 3, 4, 5)]
    )
    def test_shapes(self, plotter, tmp_path, shape):
        plotter.plot_tensor_as_image(rustorch.tensor(RANDOM.random(shape)), save_path=tmp_path / "x.png")
        picture(tmp_path / "x.png")

    def test_values_reach_the_pixels(self, plotter):
        x = rustorch.tensor([[0.0, 1.0], [2.0, 3.0]])
        drawn = plotter.plot_tensor_as_image(x).axes[0].get_images()[0].get_array()
        assert np.array_equal(drawn, x.to_numpy())

    def test_bytes_are_colours_as_they_are(self, plotter):
        x = rustorch.tensor([[[255]], [[0]], [[51]]], dtype=rustorch.uint8)
        drawn = plotter.plot_tensor_as_image(x).axes[0].get_images()[0].get_array()
        assert list(drawn[0, 0]) == pytest.approx([1, 0, 0.2])

    def test_colours_outside_are_scaled_and_the_picture_says_so(self, plotter):
        x = rustorch.tensor([[[-1.0, 3.0]], [[0.0, 0.0]], [[0.0, 0.0]]])
        axes = plotter.plot_tensor_as_image(x, "Title").axes[0]
        assert axes.get_title() == "Title\n(colours scaled from [-1, 3])"
        assert axes.get_images()[0].get_array().min() == 0

    def test_a_sheet_says_what_it_leaves_out(self, plotter):
        axes = plotter.plot_tensor_as_image(rustorch.zeros((70, 1, 2, 2))).axes[0]
        assert axes.get_title() == "(first 64 of 70)"

    @pytest.mark.parametrize("values", [[[math.nan, 1.0]], [[math.inf, 1.0]], [[math.nan]], [[True, False]]])
    def test_odd_values(self, plotter, values):
        plotter.plot_tensor_as_image(values).canvas.draw()

    @pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int64", "uint8", "bool"])
    def test_dtypes(self, plotter, dtype):
        plotter.plot_tensor_as_image(rustorch.ones((2, 2), dtype=dtype)).canvas.draw()

    @pytest.mark.parametrize("shape", [(), (3,), (1, 1, 1, 1, 1)])
    def test_wrong_dims(self, plotter, shape):
        with pytest.raises(ValueError, match=r"\(H, W\), \(C, H, W\) or \(N, C, H, W\) is required"):
            plotter.plot_tensor_as_image(rustorch.zeros(shape))

    def test_wrong_channels(self, plotter):
        with pytest.raises(rustorch.ShapeError, match="needs 1, 3 or 4 channels"):
            plotter.plot_tensor_as_image(rustorch.zeros((2, 5, 4, 4)))

    def test_no_pixels(self, plotter):
        with pytest.raises(rustorch.ShapeError, match="needs pixels"):
            plotter.plot_tensor_as_image(rustorch.zeros((2, 0)))

    def test_complex(self, plotter):
        with pytest.raises(rustorch.DTypeError, match="real numbers are required"):
            plotter.plot_tensor_as_image(np.zeros((2, 2), complex))

    def test_unknown_colormap(self, plotter):
        with pytest.raises(ValueError, match="colormap must be one of matplotlib's"):
            plotter.plot_tensor_as_image(rustorch.eye(2), colormap="none such")


WRONG = {
    "x_data and y_data must have the same length, got 2 and 3": lambda p: p.line_plot([1, 2], [1, 2, 3]),
    "scatter_plot: x_data and y_data must have": lambda p: p.scatter_plot([1, 2], [1, 2, 3]),
    "one dimension is required": lambda p: p.line_plot([[1, 2]], [1, 2]),
    "one label per line": lambda p: p.line_plot([1, 2], [1, 2], labels=["a", "b"]),
    "at least one finite value": lambda p: p.histogram([math.nan]),
    "bins must be a positive integer": lambda p: p.histogram([1.0], bins=0),
    "has no room for 3 tensors": lambda p: p.plot_multiple_tensors([[1]] * 3, layout=(1, 2)),
    "tensors and one title each": lambda p: p.plot_multiple_tensors([[1]], ["a", "b"]),
    "a square matrix is required": lambda p: p.plot_confusion_matrix([[1, 2]]),
    "2 labels are required, got 1": lambda p: p.plot_confusion_matrix([[1, 0], [0, 1]], ["a"]),
    "finite and not negative": lambda p: p.plot_confusion_matrix([[-1]]),
    "backend must be 'matplotlib'": lambda _: Plotter(backend="plotly"),
    "style must be 'default' or one of": lambda _: Plotter(style="none such"),
    "must be positive": lambda _: Plotter(dpi=0),
    "the ending must be one of": lambda p: p.histogram([1.0], save_path="x.nope"),
    "cannot be written": lambda p: p.histogram([1.0], save_path="/no/such/folder/x.png"),
    "numbers are required, got list": lambda p: p.histogram(["a"]),
    "weights of shape": lambda _: plot_attention_heatmap(rustorch.eye(2), ["a"]),
    "at least one element": lambda _: TensorStats([]),
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_arguments(text, plotter):
    with pytest.raises(rustorch.RusTorchError, match=text):
        WRONG[text](plotter)


def test_other_styles_and_settings_come_back(tmp_path):
    before = dict(matplotlib.rcParams)
    Plotter(style="ggplot").line_plot([0, 1], [0, 1], save_path=tmp_path / "x.png")
    assert dict(matplotlib.rcParams) == before


def test_confusion_numbers_and_shares(plotter):
    counts = [text.get_text() for text in plotter.plot_confusion_matrix([[3, 1], [0, 0]]).axes[0].texts]
    assert counts == ["3", "1", "0", "0"]
    shares = plotter.plot_confusion_matrix([[3, 1], [0, 0]], normalize=True).axes[0].texts
    assert [text.get_text() for text in shares] == ["75 %", "25 %", "0 %", "0 %"]


def test_stats_are_those_of_numpy():
    values = RANDOM.normal(size=100)
    stats = TensorStats(rustorch.tensor(values)).get_stats()
    assert stats["count"] == 100
    assert stats["std"] == pytest.approx(values.std(ddof=1))
    assert stats["q25"] == pytest.approx(np.quantile(values, 0.25))


def test_no_pyplot_and_a_clear_error_without_matplotlib():
    code = """
import sys
from rustorch.visualization import Plotter
Plotter().line_plot([0, 1], [0, 1])
assert "matplotlib.pyplot" not in sys.modules
for name in [name for name in sys.modules if name.startswith("matplotlib")]:
    del sys.modules[name]
sys.modules["matplotlib"] = None
try:
    Plotter()
except ImportError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "matplotlib is required" in run.stdout, run.stderr
    assert run.stdout.endswith("Hint: pip install rustorch[viz]\n")
