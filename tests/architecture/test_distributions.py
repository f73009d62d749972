"""The distributions of this repository agree: one version, one licence, one range of Pythons."""

import re
from pathlib import Path

import pytest

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    [ROOT / "pyproject.toml", *ROOT.glob("*/pyproject.toml"), *ROOT.glob("[bp]*/*/pyproject.toml")]
)


def project(path):
    return tomllib.loads(path.read_text("utf-8"))["project"]


UMBRELLA = project(ROOT / "pyproject.toml")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
class TestEveryDistribution:
    def test_has_the_common_facts(self, path):
        found = project(path)
        for key in ("version", "license", "requires-python", "authors"):
            assert found.get(key) == UMBRELLA[key], key

    def test_ships_the_licence(self, path):
        assert project(path).get("license-files") == ["LICENSE"]
        assert (path.parent / "LICENSE").read_text("utf-8") == (ROOT / "LICENSE").read_text("utf-8")

    def test_leaves_tool_configuration_to_the_root(self, path):
        if path != ROOT / "pyproject.toml":
            assert tomllib.loads(path.read_text("utf-8")).get("tool", {}).keys() <= {"setuptools"}


def test_the_umbrella_pins_its_own():
    pinned = {
        f"{name}=={UMBRELLA['version']}" for name in ("rustorch-core", "rustorch-cpu", "rustorch-reference")
    }
    assert set(UMBRELLA["dependencies"]) == pinned


def test_the_extras_are_the_promised_ones():
    promised = {"cuda", "rocm", "mpi", "nccl", "viz", "onnx", "dev", "all"}
    assert set(UMBRELLA["optional-dependencies"]) == promised


def test_the_linters_have_one_version_each():
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    assert set(re.findall(r"[\w-]+==[\w.]+", hooks)) == set(groups["lint"])
