"""docs/backends.md lists the kernels that there are."""

import dataclasses
import re
from pathlib import Path

import pytest

import rustorch
from rustorch.dispatch.registry import ops
from rustorch.plugins import BOOT_OPS, Kernel

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


def test_fields_of_a_kernel():
    for field in dataclasses.fields(Kernel):
        assert f"| `{field.name}` |" in section("Kernels")
