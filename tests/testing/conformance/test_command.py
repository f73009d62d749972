"""`rustorch grade` and `pytest --pyargs`, run as a backend's author runs them: on a plugin found by its entry point."""

import json
import os
import subprocess
import sys

import pytest

import rustorch
from rustorch.testing.conformance import child
from rustorch.testing.conformance.command import Request, grade

#: The reference backend under another name; MODE says what its `exp` does.
SOURCE = """
import dataclasses, os
import rustorch
from rustorch.plugins import BackendInfo, ExpectedFailure, hookimpl
from rustorch_reference.kernels import KERNELS
from rustorch_reference.runtime import ReferenceRuntime

MODE = os.environ.get("MODE", "")

def exp(out, x):
    if MODE == "crash" and x.shape.elements == 7:
        os.abort()
    if MODE == "hang" and x.shape.elements == 7:
        import time
        time.sleep(600)
    RIGHT["exp"].fn(out, x)
    if MODE == "wrong" and x.dtype.name == "float32" and out.shape.elements:
        out.detach().numpy(force=True)[...] = 2

RIGHT = {kernel.op: kernel for kernel in KERNELS}

@hookimpl
def rustorch_backends():
    return [BackendInfo("stranger")]

@hookimpl
def rustorch_open(name, ordinal):
    return ReferenceRuntime() if name == "stranger" else None

@hookimpl
def rustorch_kernels(name, info):
    return [dataclasses.replace(k, fn=exp) if k.op == "exp" else k for k in KERNELS] if name == "stranger" else []

@hookimpl
def rustorch_expected_failures(name):
    return [ExpectedFailure("neg", "unsupported", "not yet")] if MODE == "modest" and name == "stranger" else []
"""


@pytest.fixture
def stranger(tmp_path):
    """Run a command with the plugin installed and in an empty folder; return the finished process."""
    site, folder = tmp_path / "site", tmp_path / "folder"
    folder.mkdir()
    info = site / "stranger-1.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text("[rustorch.plugins]\nstranger = stranger_plugin\n")
    (site / "stranger_plugin.py").write_text(SOURCE)

    def run(*arguments, mode="", module="rustorch"):
        path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {
            **os.environ,
            "PYTHONPATH": path,
            "MODE": mode,
            "RUSTORCH_CACHE_DIR": str(tmp_path / "cache"),
        }
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, check=False
        )

    run.folder = folder
    return run


ONE = ("--quick", "--mode", "test", "--dtype", "float32")


def test_a_right_backend(stranger):
    found = stranger("grade", "stranger", *ONE, "--op", "exp", "--json", "g.json", "--html", "g.html")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "grade A: conforms" in found.stdout
    facts = json.loads((stranger.folder / "g.json").read_text())
    assert facts["distribution"] == "stranger 1.5"
    assert facts["grade"] == "A"
    assert (stranger.folder / "g.html").read_text().startswith("<!DOCTYPE html>")


def test_a_wrong_kernel_and_the_command_that_shows_it_again(stranger):
    found = stranger("grade", "stranger", *ONE, "--op", "exp", mode="wrong")
    assert found.returncode == 1
    assert "does not conform" in found.stdout
    line = next(line for line in found.stdout.splitlines() if "--case" in line)
    case = line.partition("--case ")[2].strip("'")
    again = stranger("grade", "stranger", "--case", case, mode="wrong")
    assert again.returncode == 1
    assert case in again.stdout
    assert "1 cases" in again.stdout


def test_a_kernel_that_kills_the_process(stranger):
    found = stranger("grade", "stranger", *ONE, "--op", "exp", "--op", "neg", mode="crash")
    assert found.returncode == 1
    assert "F  exp/float32/sizes/0-130: the process was killed by signal SIGABRT" in found.stdout
    assert any(line.split() == ["neg", "A"] for line in found.stdout.splitlines()), "the rest is graded too"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ops": ["addd"]}, "grade: no op or function is called 'addd'\nHint: did you mean add"),
        ({"dtypes": ["float33"]}, "grade: no dtype is called 'float33'\nHint: did you mean float32"),
        ({"case": "exp"}, "case: a name of the form op/dtype/check/case is required, got 'exp'"),
        (
            {"case": "exp/float32/sampels/1"},
            "grade: no check is called 'sampels'\nHint: did you mean samples",
        ),
        ({"case": "exq/float32/samples/1"}, "grade: no op or function is called 'exq'"),
        ({"patience": 0}, "grade: patience must be positive, got 0"),
        ({"html": "nowhere/grade.html"}, "grade: there is no folder for the report nowhere/grade.html"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(rustorch.ArgumentError) as caught:
        grade(Request("reference", **options))
    assert str(caught.value).startswith(message)


def test_a_case_that_does_not_exist():
    with pytest.raises(rustorch.ArgumentError, match="grade: no case of reference fits"):
        grade(Request("reference", case="exp/float32/samples/99999"))


@pytest.mark.slow
def test_a_kernel_that_hangs(stranger):
    found = stranger("grade", "stranger", *ONE, "--op", "exp", "--patience", "15", mode="hang")
    assert found.returncode == 1
    assert "the process hung and was killed" in found.stdout


@pytest.mark.slow
def test_a_backend_that_hangs_again_and_again(stranger):
    options = ("--quick", "--op", "exp", "--op", "neg", "--patience", "15")
    found = stranger("grade", "stranger", *options, mode="hang")
    assert found.returncode == 1
    assert found.stdout.count("the process hung and was killed") == 3
    assert found.stdout.count("the rest of the suite was not run") == 1


def test_a_slow_start_is_no_hanging(tmp_path, monkeypatch):
    journal, output = tmp_path / "journal", tmp_path / "output"
    begun = f"open({str(journal)!r}, 'a').write('x')"
    waited = [
        child._wait([sys.executable, "-c", f"import time; {program}"], journal, output, patience=0.3)
        for program in (f"time.sleep(1); {begun}", f"{begun}; time.sleep(60)")
    ]
    assert waited == [0, None]
    monkeypatch.setattr(child, "PATIENCE", 0.3)
    with pytest.raises(rustorch.RusTorchError, match="could not run the suite .it hung before"):
        child.run_suite(["--collect-only"], patience=0.1)


@pytest.mark.slow
def test_an_announced_failure_that_does_not_happen(stranger):
    found = stranger("grade", "stranger", *ONE, "--op", "neg", mode="modest")
    assert found.returncode == 1
    assert "neg float32: announced as unsupported (not yet), but it passes" in found.stdout


@pytest.mark.slow
def test_times(stranger):
    found = stranger(
        "grade", "stranger", "--mode", "perf", "--quick", "--against", "reference", "--op", "neg"
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "times reference:0" in found.stdout
    assert "calls timed, 0 slow" in found.stdout


@pytest.mark.slow
def test_support(stranger):
    found = stranger("grade", "stranger", "--mode", "support", "--json", "s.json")
    assert found.returncode == 0
    assert "x native, d decomposed, - missing" in found.stdout
    facts = json.loads((stranger.folder / "s.json").read_text())
    assert facts["ops"]["exp"]["float32"] == "native"


def test_wrong_arguments(stranger):
    found = stranger("grade", "nowhere")
    assert found.returncode == 1
    assert "no backend is called 'nowhere'" in found.stderr
    found = stranger("grade", "stranger", "--case", "add")
    assert found.returncode == 1
    assert "op/dtype/check/case" in found.stderr


def test_pytest_from_any_folder(stranger):
    suite = (
        "-p",
        "rustorch_pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--pyargs",
        "rustorch.testing.conformance.test_ops",
    )
    options = ("--rustorch-quick", "--rustorch-op=exp", "--rustorch-dtype=float32")
    found = stranger(*suite, "--rustorch-backend=stranger", *options, mode="wrong", module="pytest")
    assert found.returncode == 1
    assert "rustorch grade stranger --case" in found.stdout
    assert "RusTorch conformance of stranger (quick tier)" in found.stdout
    found = stranger(*suite, module="pytest")
    assert found.returncode == 4
    assert "needs --rustorch-backend=NAME" in found.stderr
    found = stranger(*suite, "--rustorch-backend=nowhere", module="pytest")
    assert found.returncode == 4
    assert "no backend is called 'nowhere'" in found.stderr


def test_options_cost_nothing_until_they_are_used():
    code = "import sys, rustorch_pytest; assert 'rustorch' not in sys.modules and 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_part_of_the_suite_is_no_grade(tmp_path):
    part = "rustorch.testing.conformance.test_cast"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pyargs", part]
    environment = os.environ | {"RUSTORCH_CACHE_DIR": str(tmp_path)}
    run = subprocess.run(
        [*command, "--rustorch-backend=reference", "--rustorch-quick"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert "grade A: conforms" in run.stdout
    assert list(tmp_path.rglob("*.json")) == []
