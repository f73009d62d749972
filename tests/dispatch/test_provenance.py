"""`rustorch.provenance`: who supplies each kernel, and why."""

from __future__ import annotations

import json

import pytest

import rustorch
from rustorch import plugins
from rustorch.plugins import Kernel, hookimpl


def right_add(out, a, b):
    out.detach().copy_(rustorch.sub(a, -b))


class Rival:
    """Offers kernels for `reference` that are never called."""

    def __init__(self, **options):
        self.options = {"dtypes": frozenset({"float32"}), **options}

    @hookimpl
    def rustorch_kernels(self, name):
        return [Kernel("add", right_add, **self.options)] if name == "reference" else []


@pytest.fixture
def rival():
    def install(**options):
        plugins.register(Rival(**options), "rival")

    yield install
    plugins.unregister("rival")


def source_of(op, dtype="float32", device="reference"):
    return rustorch.provenance(device, op=op)[op][dtype]


class Twin:
    """The reference backend under another name, which no other test uses."""

    @hookimpl
    def rustorch_backends(self):
        return [plugins.BackendInfo("twin")]

    @hookimpl
    def rustorch_open(self, name):
        return rustorch.device("reference").runtime if name == "twin" else None

    @hookimpl
    def rustorch_kernels(self, name):
        offers = rustorch.device("reference").kernels.offers
        return [offer.kernel for found in offers.values() for offer in found] if name == "twin" else []


@pytest.fixture
def twin():
    plugins.register(Twin(), "twin")
    yield rustorch.device("twin")
    plugins.unregister("twin")


def test_what_was_used_so_far(twin):
    rustorch.ones(3, device=twin).log1p()
    found = rustorch.provenance(twin)
    assert found["log1p"]["float32"] == "decomposition"
    assert found["log1p"]["float32"].reason == "no kernel: decomposed"
    assert found["fill"]["float32"] == "twin"
    assert "matmul" not in found
    with rustorch.fallback("host"):  # a new table; what was used is known still
        assert "log1p" in rustorch.provenance(twin)


def test_an_op_that_was_not_used():
    source = source_of("matmul")
    assert (source.plugin, source.reason, source.priority) == ("reference", "the only kernel", 0)
    assert (source.layout, source.condition, source.others) == ("strided", "", ())
    assert source.distribution.startswith("rustorch-reference ")
    assert set(rustorch.provenance("cpu", op="softmax")["softmax"]) == {"float32", "float64"}


def test_no_op():
    with pytest.raises(rustorch.ArgumentError, match="no op is called 'sofmax'\nHint: did you mean softmax"):
        rustorch.provenance(op="sofmax")


def test_data_and_text():
    found = rustorch.provenance("reference", op="matmul")
    assert json.loads(json.dumps(found))["matmul"]["float32"] == "reference"
    lines = str(found).splitlines()
    assert lines[0] == "kernels of device reference:0"
    assert lines[1].startswith("matmul [")
    assert "float32" in lines[1]
    assert lines[1].endswith("]  reference (rustorch-reference 0.1.0): the only kernel; strided")


def test_an_override():
    with rustorch.override("softmax", right_add, dtypes={"float32"}, check=False, priority=2):
        source = source_of("softmax", device="cpu")
        assert source == "override"
        assert source.reason == "override in force (softmax_backward by cpu)"
        assert source.others == (("cpu", "an override comes first"),)
        assert source.explained() == (
            "override: override in force (softmax_backward by cpu); priority 2; contiguous; "
            "cpu not used: an override comes first"
        )
        assert dict(source_of("softmax", "float64", "cpu").others) == {"override": "it is for float32"}
    assert source_of("softmax", device="cpu") == "cpu"


def test_a_condition():
    def small(out, x):
        return x.shape.elements < 10

    with rustorch.override("tanh", right_add, when=small, check=False):
        source = source_of("tanh")
    assert source == "override or reference"
    assert source.plugin == "override"
    assert source.condition.endswith("small")


@pytest.mark.parametrize(
    ("options", "winner", "others"),
    [
        ({"priority": 1}, "rival", (("reference", "priority 0, it comes later"),)),
        ({"priority": -1}, "reference", (("rival", "priority -1, it comes later"),)),
        ({"dtypes": frozenset({"float16"})}, "reference", (("rival", "it is for float16"),)),
        (
            {"version": 7, "priority": 1},
            "reference",
            (("rival", "it is for version 7 of the op, this is version 1"),),
        ),
    ],
)
def test_rivals(rival, options, winner, others):
    rival(**options)
    source = source_of("add")
    assert source == winner
    assert source.others == others


def test_equal_priorities(rival):
    rival()
    assert source_of("add").reason == "the first by name among kernels of the same priority"


def test_nobody():
    class Bare:
        @hookimpl
        def rustorch_backends(self):
            return [plugins.BackendInfo("bare")]

        @hookimpl
        def rustorch_open(self, name):
            return rustorch.device("reference").runtime if name == "bare" else None

    plugins.register(Bare(), "bare")
    try:
        source = source_of("copy", device="bare")
        assert (source, source.reason) == ("missing", "no kernel and no decomposition")
        with rustorch.fallback("host"):
            assert source_of("copy", device="bare") == "host"
    finally:
        plugins.unregister("bare")
