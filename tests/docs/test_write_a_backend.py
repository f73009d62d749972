"""docs/write-a-backend.md: its commands run, its figures are measured, its reference is the contract's."""

import dataclasses
import inspect
import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

import rustorch
from rustorch.cli import new_backend
from rustorch.dispatch import contract, hookspecs
from rustorch.dispatch.observers import Observer, observing
from rustorch.distributed.communicator import Communicator
from rustorch.plugins import BOOT_OPS, BackendInfo, DeviceInfo, ExpectedFailure, Runtime, register, unregister
from rustorch.testing.op_cases import op_cases

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "write-a-backend.md").read_text("utf-8")
COMPARED = (DOCS / "backends-compared.md").read_text("utf-8")
STEP = re.compile(r"^```(sh|python file=(\S+))\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def section(title):
    return re.search(rf"^##+ {title}\n(.*?)(?=^#+ |\Z)", PAGE, re.MULTILINE | re.DOTALL).group(1)


def rows(title):
    """Return the cells of a section's table, line by line, without its heading."""
    lines = re.findall(r"^\| (.*) \|$", section(title), re.MULTILINE)
    return [re.split(r" ?\| ?", line) for line in lines[1:]]


# -- the steps -------------------------------------------------------------------------------------


@pytest.fixture
def shell(tmp_path):
    """The environment of a shell with a fresh virtual environment, which sees what this one has, and no network."""
    home = tmp_path / "venv"
    venv.create(home)
    inside = {"base": str(home), "platbase": str(home)}
    bin_, pure = (Path(sysconfig.get_path(what, "venv", inside)) for what in ("scripts", "purelib"))
    (pure / "outer.pth").write_text(
        "".join(f"import site; site.addsitedir({path!r})\n" for path in dict.fromkeys(site_folders()))
    )
    for name, module in (("pip", "pip"), ("pytest", "pytest"), ("rustorch", "rustorch")):
        script = bin_ / name
        script.write_text(f'#!/bin/sh\nexec "{bin_ / "python"}" -m {module} "$@"\n')
        script.chmod(0o755)
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith(("RUSTORCH_", "PYTEST_", "VIRTUAL_ENV"))},
        "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as the value of `--build-isolation`
        "PYTEST_PLUGINS": "rustorch_pytest",
    }


def site_folders():
    return [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]


@pytest.mark.slow
def test_the_steps(shell, tmp_path):
    printed = ""
    for kind, file, text in STEP.findall(PAGE):
        if kind != "sh":
            (tmp_path / file).write_text(text, "utf-8")
            continue
        command = ["bash", "-e", "-o", "pipefail", "-c", text]
        done = subprocess.run(command, cwd=tmp_path, env=shell, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        printed += done.stdout
    assert "plugin mydev (rustorch-mydev 0.1.0): accepted" in printed
    mine, oracle = (
        re.search(rf"^{name}:0: (.*)$", printed, re.MULTILINE).group(1) for name in ("mydev", "reference")
    )
    assert mine == oracle
    assert int(re.search(r"right (\d+)%", mine).group(1)) > 80
    before, after = re.findall(r"^adam_step \{'float32': '(\w+)'", printed, re.MULTILINE)
    assert (before, after) == ("decomposition", "mydev")
    assert list((tmp_path / "dist").glob("rustorch_mydev-0.1.0-*.whl"))


def test_every_command_is_run():
    assert len(re.findall(r"^```", PAGE, re.MULTILINE)) == 2 * len(
        re.findall(r"^```(?:sh|python)", PAGE, re.MULTILINE)
    )


# -- the figures -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """The folder of a generated backend, which is registered."""
    folder = new_backend.write("counted", tmp_path_factory.mktemp("counted"))[0].parent
    sys.path.insert(0, str(folder / "src"))
    try:
        from rustorch_counted import plugin
    finally:
        sys.path.remove(str(folder / "src"))
    register(plugin, "counted")
    yield folder
    unregister("counted")


def test_lines_of_the_package(counted):
    lines = sum(len(source.read_text("utf-8").splitlines()) for source in (counted / "src").rglob("*.py"))
    assert f"a package of {lines} lines" in PAGE
    assert f"| smallest real backend | {lines} lines of Python" in COMPARED
    required = [row for row in rows("Runtime") if not row[0].startswith("(optional)")]
    assert f"a runtime of {len(required)} methods, {len(BOOT_OPS)} kernels" in COMPARED


def test_commands_to_the_first_trained_model():
    commands = [line for kind, _, text in STEP.findall(PAGE) if kind == "sh" for line in text.splitlines()]
    trained = next(i for i, line in enumerate(commands) if line == "RUSTORCH_DEVICE=mydev python train.py")
    needed = [line for line in commands[: trained + 1] if not line.startswith(("rustorch doctor", "pytest"))]
    assert len(needed) == 3
    assert "3 commands: `rustorch new-backend`, `pip install`, run the script" in COMPARED


class Launches:
    def __init__(self):
        self.count = 0

    def around(self, op, dtype, device, call, out, inputs, attrs):
        self.count += op.name in BOOT_OPS
        call(out, *inputs, **attrs)


def launches(op):
    """Return how many boot kernels the longest sample call of an op takes, decomposed."""
    found = 0
    for case in op_cases(op):
        case.run(*case.build("counted", "float32"))  # numbers become constants
        out, inputs = case.build("counted", "float32")
        with observing(observer := Launches()):
            case.run(out, inputs)
        found = max(found, observer.count)
    return found


@pytest.mark.usefixtures("counted")
def test_launches_of_decompositions():
    figures = re.findall(r"`(\w+)`(?: \|)? (\d+)", section("6. The first kernels worth writing"))
    assert len(figures) > 20
    measured = {op: launches(op) for op, _ in figures}
    assert measured == pytest.approx({op: int(figure) for op, figure in figures}, rel=0.2, abs=2)


# -- the reference ---------------------------------------------------------------------------------


def test_hooks():
    described = {row[0]: row for row in rows("Hooks")}
    hooks = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("rustorch_")}
    assert len(described) == len(hooks)
    for name, hook in hooks.items():
        row = described[f"(optional) `{name}({', '.join(inspect.signature(hook).parameters)})`"]
        assert all(row), f"{name}: answer, default and time of call"


@pytest.mark.parametrize("record", [BackendInfo, DeviceInfo, ExpectedFailure])
def test_records(record):
    described = {row[0]: row[1] for row in rows(record.__name__)}
    for field in dataclasses.fields(record):
        default = (
            field.default_factory()
            if field.default is dataclasses.MISSING and callable(field.default_factory)
            else field.default
        )
        if default is dataclasses.MISSING:
            assert not described.pop(f"`{field.name}`")
            continue
        text = described.pop(f"(optional) `{field.name}`").strip("`").replace('"', "'")
        assert text == (default.__name__ if inspect.isclass(default) else repr(default))
    assert not described


@pytest.mark.parametrize("protocol", [Runtime, contract.Stream, contract.Event, Communicator, Observer])
def test_protocols(protocol):
    described = rows(protocol.__name__)
    members = {call: row for row in described for call in re.findall(r"`(\w+\(.*?\))`", row[0])}
    for name, member in inspect.getmembers(protocol, inspect.isfunction):
        if not name.startswith("_"):
            names = list(inspect.signature(member).parameters)[1:]
            row = members.pop(f"{name}({', '.join(names)})")
            assert not row[0].startswith("(optional)")
    for name in getattr(protocol, "__annotations__", {}):
        assert any(f"`{name}`" in row[0] for row in described)
    optional = optional_members(inspect.getsource(protocol))
    assert sorted(call.split("(")[0] for call in members) == sorted(optional)
    for call, row in members.items():
        assert row[0].startswith("(optional)"), f"{call}: required or not?"
        assert "Default: " in row[1], f"{call}: what if it is missing?"
        assert optional[call.split("(")[0]] in ("", call)


def optional_members(source):
    """Return the members that a protocol's comments call optional, as ``name -> name(parameters)``."""
    found = {}
    for line in re.findall(r"# \(optional\) (.*)", source):
        for name, parameters in re.findall(r"(\w+)\(([^()]*)\)", line.split("  ")[0]):
            names = [part.split(":")[0].strip() for part in parameters.split(",")]
            found[name] = f"{name}({', '.join(names)})"
    return found


def test_the_contract_version():
    assert f"(this is {'.'.join(map(str, contract.CONTRACT_VERSION))})" in PAGE
    assert rustorch.dispatch.contract.ENTRY_POINT_GROUP in PAGE
