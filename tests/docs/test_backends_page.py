"""docs/backends.md lists the kernels that there are, and the records and hooks of the contract."""

import dataclasses
import inspect
import re
from pathlib import Path

import pytest

import rustorch
from rustorch.dispatch import hookspecs
from rustorch.dispatch.registry import ops
from rustorch.plugins import BOOT_OPS, BackendInfo, DeviceInfo, Kernel, Runtime

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "backends.md").read_text("utf-8")


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL).group(1)


def listed(title):
    """Return the op names in the first column of a section's table: what is left outside parentheses."""
    names = []
    for cell in re.findall(r"^\| (`.*?) \|", section(title), re.MULTILINE):
        while cell != (cell := re.sub(r"\([^()]*\)", " ", cell)):
            pass
        names += re.findall(r"\w+", cell)
    return names


def kernels_of(backend):
    device = rustorch.device(backend)
    try:
        device.info.name
    except rustorch.DeviceError as error:
        pytest.skip(str(error))
    return {op for op in device.kernels.offers if op in ops}


def test_boot_ops():
    assert sorted(listed("Boot ops")) == sorted(BOOT_OPS)
    assert kernels_of("reference") >= BOOT_OPS
    for page in (section("Boot ops"), (ROOT / "README.md").read_text("utf-8")):
        assert str(len(BOOT_OPS)) in page


def test_other_primitives():
    random = set(listed("Random numbers"))
    assert sorted(listed("Other primitives")) == sorted(kernels_of("reference") - BOOT_OPS - random)


def test_other_kernels():
    others = listed("Other primitives") + listed("Random numbers") + listed("Fused ops")
    assert len(others) == len(set(others))
    assert all(ops[op].decomposition is not None for op in others)
    supplied = kernels_of("cpu") | kernels_of("reference")
    assert supplied <= {*others, *BOOT_OPS}


@pytest.mark.parametrize("record", [BackendInfo, Kernel])
def test_fields_of_records(record):
    for field in dataclasses.fields(record):
        assert f"| `{field.name}` |" in PAGE


def test_facts_about_a_device():
    for field in dataclasses.fields(DeviceInfo):
        assert f"`{field.name}`" in section("Runtime")


def test_members_of_a_runtime():
    source = inspect.getsource(Runtime)
    names = re.findall(r"def (\w+)\(", source) + re.findall(
        r"(\w+)\(", "".join(re.findall(r"# \(optional\).*", source))
    )
    assert {"allocate", "adopt", "get_num_threads"} <= set(names)
    for name in names:
        assert f"`{name}(" in section("Runtime")


def test_hooks():
    for name in vars(hookspecs):
        if name.startswith("rustorch_"):
            assert f"`{name}(" in section("Hooks")
