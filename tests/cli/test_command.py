"""The command `rustorch`, run as a user runs it."""

import json
import os
import re
import subprocess
import sys
from importlib import metadata

import pytest

import rustorch
from rustorch.cli import main


def command(*arguments, path=None, **variables):
    """Run the command in a process of its own; `path` comes first on its `sys.path`."""
    environment = {**os.environ, **variables}
    if path is not None:
        environment["PYTHONPATH"] = os.pathsep.join(
            [str(path), *filter(None, [os.environ.get("PYTHONPATH")])]
        )
    return subprocess.run(
        [sys.executable, "-m", "rustorch", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def every_plugin():
    """The names of all plugins that are installed, as RUSTORCH_DISABLE_PLUGINS wants them."""
    return ",".join(point.name for point in metadata.entry_points(group="rustorch.plugins"))


def distribution(folder, name, module, source):
    """Write a distribution with one plugin into a folder that will be on `sys.path`."""
    info = folder / f"{name}-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text(f"[rustorch.plugins]\n{name} = {module}\n")
    (folder / f"{module}.py").write_text(source)


HEAD = "from rustorch.plugins import Absent, BackendInfo, DeviceInfo, Ready, hookimpl\n"
BACKEND = HEAD + "@hookimpl\ndef rustorch_backends():\n    return [BackendInfo({})]\n"
PLUGINS = {
    "imports_nothing": (
        "import a_driver_that_is_not_there",
        "rejected: cannot be imported: ModuleNotFoundError",
    ),
    "dies": ("raise SystemExit('boom')", "rejected: cannot be imported: SystemExit: boom"),
    "misspelt": (
        HEAD + "@hookimpl\ndef rustorch_backend():\n    return []\n",
        "rejected: plugin 'misspelt' of misspelt 1.5: refused",
    ),
    "too_new": (BACKEND.format("'too_new', contract='>=9'"), "written for contract >=9, this core has 1.1"),
    "takes_names": (BACKEND.format("'reference'"), "a backend called 'reference' is registered already"),
    "absent": (
        BACKEND.format("'absent', probe=lambda: Absent('no such card', hint='buy one')"),
        "backend absent: absent",
    ),
    "probe_fails": (
        BACKEND.format("'probe_fails', probe=lambda: 1 / 0"),
        "its probe failed: ZeroDivisionError",
    ),
    "no_runtime": (BACKEND.format("'no_runtime', probe=Ready"), "no plugin opened it although one announced"),
}


class TestDoctor:
    def test_all_is_well(self):
        run = command("doctor")
        assert run.returncode == 0, run.stderr
        assert f"rustorch        {rustorch.__version__}" in run.stdout
        assert "contract        1.1" in run.stdout
        assert "backend reference: ready, 1 device" in run.stdout
        assert "ops by reference" in run.stdout
        assert run.stdout.endswith("\nready\n")

    def test_json(self):
        run = command("doctor", "--json")
        facts = json.loads(run.stdout)
        assert facts["healthy"] is True
        reference = next(plugin for plugin in facts["plugins"] if plugin["plugin"] == "reference")
        assert reference["distribution"] == "rustorch-reference"
        assert reference["backends"][0]["status"] == "ready"
        assert reference["backends"][0]["ops"]["missing"] == []

    def test_every_kind_of_broken_plugin_is_told_and_breaks_nothing(self, tmp_path):
        for name, (source, _) in PLUGINS.items():
            distribution(tmp_path, name, f"plugin_{name}", source)
        run = command("doctor", path=tmp_path)
        assert run.returncode == 0, run.stdout + run.stderr
        for name, (_, text) in PLUGINS.items():
            assert f"plugin {name} ({name} 1.5): " in run.stdout
            assert text in run.stdout
        assert re.search(r"hint +buy one", run.stdout)
        last = run.stdout.splitlines()[-1]
        assert last.startswith("ready; rejected: ")
        assert "dies" in last

    def test_kernels_that_others_put_in_place(self, tmp_path):
        source = (
            "import rustorch\n"
            "from rustorch.plugins import ExpectedFailure, Kernel, hookimpl\n"
            "def right(out, a, b):\n    out.copy_(rustorch.sub(a, -b))\n"
            "def wrong(out, x):\n    out.zero_()\n"
            "FLOAT = frozenset({'float32'})\n"
            "@hookimpl\ndef rustorch_kernels(name):\n"
            "    if name != 'reference':\n        return []\n"
            "    return [Kernel('add', right, FLOAT, priority=3), Kernel('tanh', wrong, FLOAT, priority=3)]\n"
            "@hookimpl\ndef rustorch_expected_failures(name):\n"
            "    return [ExpectedFailure('add', 'slow', 'made of two ops')] if name == 'reference' else []\n"
        )
        distribution(tmp_path, "meddler", "plugin_meddler", source)
        text = command("doctor", path=tmp_path).stdout
        assert re.search(r"replaced +add by meddler\n", text)
        assert re.search(r"replaced +tanh by meddler, refused: tanh\(float32 \(", text)
        assert re.search(r"expected failures +1 slow\n", text)
        facts = json.loads(command("doctor", "--json", path=tmp_path).stdout)
        backends = [backend for plugin in facts["plugins"] for backend in plugin["backends"]]
        reference = next(backend for backend in backends if backend["backend"] == "reference")
        assert [(k["op"], bool(k["refused"])) for k in reference["replaced"]] == [
            ("add", False),
            ("tanh", True),
        ]
        assert reference["expected_failures"] == {"slow": 1}
        cpu = next(backend for backend in backends if backend["backend"] == "cpu")
        assert cpu["replaced"] == []

    def test_the_last_grade(self, tmp_path):
        variables = {"RUSTORCH_CACHE_DIR": str(tmp_path)}
        assert re.search(
            r"last grade +none: rustorch grade reference\n", command("doctor", **variables).stdout
        )
        (tmp_path / "grades").mkdir()
        summary = {
            "grade": "B", "counts": {"A": 7, "B": 1}, "tier": "quick", "when": "2026-01-02", "rustorch": "0.1"
        }  # fmt: skip
        (tmp_path / "grades" / "reference.json").write_text(json.dumps(summary))
        text = command("doctor", **variables).stdout
        assert re.search(r"last grade +B \(7 A, 1 B; quick 2026-01-02 by rustorch 0.1\)\n", text)
        facts = json.loads(command("doctor", "--json", **variables).stdout)
        backends = [backend for plugin in facts["plugins"] for backend in plugin["backends"]]
        grades = {backend["backend"]: backend.get("last_grade") for backend in backends}
        assert grades["reference"] == summary
        assert grades["cpu"] is None

    def test_no_backend_is_ready(self):
        run = command("doctor", RUSTORCH_DISABLE_PLUGINS=every_plugin(), RUSTORCH_DEVICE="")
        assert run.returncode == 1
        assert "plugin reference (rustorch-reference 0.1.0): rejected: disabled by" in run.stdout
        assert run.stdout.endswith("not ready: no backend can run here\n")

    def test_the_default_device_is_wrong(self):
        run = command("doctor", RUSTORCH_DEVICE="nowhere")
        assert run.returncode == 1
        assert "none: device nowhere:0: no backend is called 'nowhere'" in run.stdout
        assert run.stdout.endswith("not ready: the default device cannot be used\n")


class TestInfo:
    def test_text(self, capsys):
        assert main(["info"]) == 0
        text = capsys.readouterr().out
        assert f"default device  {rustorch.get_default_device()}" in text
        assert "\nreference:0\n" in text
        assert "instruction set" in text

    def test_json(self, capsys):
        assert main(["info", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["rustorch"] == rustorch.__version__

    def test_without_any_backend(self):
        run = command("info", RUSTORCH_DISABLE_PLUGINS=every_plugin(), RUSTORCH_DEVICE="")
        assert run.returncode == 0
        assert "default device  none, see `rustorch doctor`" in run.stdout


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"rustorch {rustorch.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["info", "--nonsense"]])
def test_wrong_arguments(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: rustorch" in capsys.readouterr().err


def test_an_error_is_one_message_without_a_traceback(monkeypatch, capsys):
    def fail(**_options):
        raise rustorch.DeviceError("it went wrong", hint="do this")

    monkeypatch.setattr("rustorch.cli.info.run", fail)
    assert main(["info"]) == 1
    assert capsys.readouterr().err == "rustorch: it went wrong\nHint: do this\n"
