"""`rustorch new-backend`: what it refuses, and that what it writes is a complete backend."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rustorch
from rustorch import nn, optim
from rustorch.cli import main, new_backend
from rustorch.nn import functional as F
from rustorch.plugins import BOOT_OPS
from rustorch.testing import assert_close
from rustorch.testing.cases import cases

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_steps_are_printed(tmp_path, capsys):
    assert main(["new-backend", "one", "--path", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert f"wrote {tmp_path / 'rustorch-one'}\n" in printed
    assert f'\nnext:\n  pip install -e "{tmp_path / "rustorch-one"}[test]"\n' in printed

    assert main(["new-backend", "two_x", "--path", str(tmp_path / "new"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    folder = tmp_path / "new" / "rustorch-two-x"
    assert report["folder"] == str(folder)
    assert sorted(report["files"]) == sorted(
        str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()
    )
    assert "src/rustorch_two_x/kernels.py" in report["files"]
    assert report["next"][-1] == "RUSTORCH_DEVICE=two_x python your_script.py"
    assert not [p for p in folder.rglob("*") if p.is_file() and re.search(r"\$|NAME\b", p.read_text("utf-8"))]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "Metal",
            "a name of lower-case letters, digits and _ that begins with a letter is required, got 'Metal'",
        ),
        ("7up", "begins with a letter is required, got '7up'"),
        ("my-dev", "begins with a letter is required, got 'my-dev'"),
        ("class", "begins with a letter is required, got 'class'"),
        ("", "begins with a letter is required, got ''"),
        ("reference", "a backend called 'reference' is installed; taken are "),
        ("pytest", "a module called rustorch_pytest is installed already"),
    ],
)
def test_names_that_cannot_be(name, reason, tmp_path, capsys):
    assert main(["new-backend", name, "--path", str(tmp_path)]) == 1
    assert reason in capsys.readouterr().err
    with pytest.raises(rustorch.ArgumentError, match=re.escape(reason)):
        new_backend.write(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_left_alone(tmp_path):
    (tmp_path / "rustorch-mine").mkdir()
    with pytest.raises(
        rustorch.ArgumentError, match="^new-backend: the folder .*rustorch-mine exists already"
    ):
        new_backend.write("mine", tmp_path)
    assert list((tmp_path / "rustorch-mine").iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(rustorch.ArgumentError, match=r"^new-backend: .* cannot be written: Not a directory"):
        new_backend.write("mine", tmp_path / "file")


def test_it_has_the_boot_ops_in_under_120_lines(fresh):
    sources = list((fresh / "src").rglob("*.py"))
    assert sum(len(source.read_text("utf-8").splitlines()) for source in sources) < 120
    assert set(rustorch.device("fresh").kernels.offers) == BOOT_OPS


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_public_function_works(dtype):
    for case in cases(without=frozenset({"random"})):
        if case.function.name.startswith("empty"):
            continue  # uninitialised
        args, kwargs = case.build("fresh", dtype)
        with rustorch.device("fresh"):
            found = case.call(args, kwargs)
        with rustorch.device("reference"):
            expected = case.call(*case.build("reference", dtype))
        for a, b in zip(found, expected, strict=True):
            assert_close(a.to("reference"), b, equal_nan=True, msg=f"{case.name} differs")


# -- training, all ops decomposed ------------------------------------------------------------------


class Convolutional(nn.Module):
    """The network of examples/digits.py."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 32, 3)
        self.drop, self.fc1, self.fc2 = nn.Dropout(0.3), nn.Linear(128, 128), nn.Linear(128, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv2(F.relu(self.conv1(x)))), 2).flatten(1)
        return self.fc2(self.drop(F.relu(self.fc1(x))))


def digits():
    """Blurred digits to tell apart, so that a few steps show."""
    labels = rustorch.arange(10).repeat(4)
    images = rustorch.randn(10, 1, 8, 8)[labels] + 0.3 * rustorch.randn(40, 1, 8, 8)
    net = Convolutional()
    return net, lambda: F.cross_entropy(net(images), labels)


def gpt():
    """Next letters of a sentence, by a transformer of one block."""
    text = "the quick brown fox jumps over the lazy dog "
    ids = rustorch.tensor([[ord(c) - 32 for c in text[i : i + 17]] for i in range(0, 24, 3)])
    embedding, positions = nn.Embedding(96, 16), nn.Embedding(16, 16)
    block = nn.TransformerEncoderLayer(16, 2, 32, 0.0, activation="gelu", batch_first=True, norm_first=True)
    head = nn.Linear(16, 96)
    model = nn.ModuleList([embedding, positions, block, head])
    mask = nn.Transformer.generate_square_subsequent_mask(16)

    def loss():
        x = embedding(ids[:, :-1]) + positions(rustorch.arange(16))
        return F.cross_entropy(head(block(x, src_mask=mask)).flatten(0, 1), ids[:, 1:].flatten())

    return model, loss


def lstm():
    """The sum of a sequence's first numbers."""
    layer, head = nn.LSTM(4, 16, batch_first=True), nn.Linear(16, 1)
    x = rustorch.randn(16, 6, 4)
    return nn.ModuleList([layer, head]), lambda: F.mse_loss(head(layer(x)[0][:, -1]), x[:, :, 0].sum(1, True))


def losses(device, make, steps):
    with rustorch.device(device):
        rustorch.manual_seed(3)
        model, loss_of = make()
        optimizer = optim.Adam(model.parameters(), lr=1e-2)
        found = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = loss_of()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
    return found


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("make", [digits, gpt, lstm])
def test_it_trains(make):
    found = losses("fresh", make, 6)
    assert found == pytest.approx(losses("reference", make, 6), rel=2e-4)
    assert found[-1] < 0.9 * found[0]
    used = rustorch.provenance("fresh")
    assert {op for op, by in used.items() if "decomposition" in str(by)} == used.keys() - BOOT_OPS


# -- installed, and run as a user runs it ----------------------------------------------------------


@pytest.fixture(scope="module")
def environment(fresh, tmp_path_factory):
    """The environment variables of a process in which the package is installed and its device the default."""
    target = tmp_path_factory.mktemp("installed")
    install = ["install", "-q", "--no-deps", "--no-build-isolation", "--target", target, fresh]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True)
    path = os.pathsep.join([str(target), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "RUSTORCH_DEVICE": "fresh", "MPLBACKEND": "Agg"}


def run(*arguments, cwd, env):
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=env, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_installs(environment, tmp_path):
    report = json.loads(run("-m", "rustorch", "doctor", "--json", cwd=tmp_path, env=environment))
    (plugin,) = [found for found in report["plugins"] if found["plugin"] == "fresh"]
    assert (plugin["distribution"], plugin["rejected"]) == ("rustorch-fresh", "")
    assert plugin["backends"][0]["ops"]["kernels"] == {"fresh": len(BOOT_OPS)}
    assert plugin["backends"][0]["ops"]["missing"] == []
    assert report["default_device"] == "fresh:0"


@pytest.mark.slow
def test_it_reads_digits(environment, tmp_path):
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    pytest.importorskip("matplotlib", reason="the example draws")
    printed = run(EXAMPLES / "digits.py", cwd=tmp_path, env=environment)
    assert "device fresh:0" in printed
    assert min(float(a) for a in re.findall(r"Test accuracy.*?([\d.]+)%", printed)) >= 97.0


@pytest.mark.slow
def test_its_gpt_learns_more_than_frequencies(environment, tmp_path):
    printed = run(EXAMPLES / "char_gpt.py", "--steps", "120", "--batch", "12", cwd=tmp_path, env=environment)
    entropy = float(re.search(r"unigram entropy ([\d.]+)", printed)[1])
    assert float(re.search(r"final loss (\S+)", printed)[1]) < 0.9 * entropy


@pytest.mark.slow
@pytest.mark.usefixtures("fresh")
def test_its_lstm_learns_to_add():
    assert losses("fresh", lstm, 300)[-1] < 0.05
