"""Grades of backends that are right, wrong, incomplete, or that announce what they cannot do."""

import dataclasses
import json
import math
from contextlib import contextmanager

import numpy as np
import pytest

import rustorch
from rustorch.plugins import BackendInfo, ExpectedFailure, Kernel, hookimpl, register, unregister
from rustorch.testing.conformance import last_grade, run, stored, terminal
from rustorch.testing.conformance.judge import judge
from rustorch.testing.conformance.outcomes import Outcome, letter
from rustorch.testing.conformance.page import page
from rustorch.testing.conformance.report import Report
from rustorch.testing.conformance.selection import Selection
from rustorch.testing.conformance.subjects import boot_ops, dtypes_to_grade, ops_to_grade
from rustorch.testing.conformance.support import support

REFERENCE = rustorch.device("reference")


class Twin:
    """The reference backend under another name, with some kernels replaced or left out."""

    def __init__(self, changed, expected):
        self.changed, self.expected = changed, expected

    @hookimpl
    def rustorch_backends(self):
        return [BackendInfo("twin")]

    @hookimpl
    def rustorch_open(self, name, ordinal):
        return REFERENCE.runtime if name == "twin" else None

    @hookimpl
    def rustorch_kernels(self, name, info):
        if name != "twin":
            return []
        kernels = [offer.kernel for offers in REFERENCE.kernels.offers.values() for offer in offers]
        kept = [k for k in kernels if self.changed.get(k.op, k) is not None]
        return [
            dataclasses.replace(k, fn=self.changed[k.op](k.fn)) if k.op in self.changed else k for k in kept
        ]

    @hookimpl
    def rustorch_expected_failures(self, name):
        return self.expected if name == "twin" else []


@contextmanager
def twin(changed=None, expected=()):
    REFERENCE.info.name  # opens it
    register(Twin(changed or {}, list(expected)), "twin")
    try:
        yield
    finally:
        unregister("twin")


def coarse(right):
    """A kernel whose results are off by about a thousandth."""

    def kernel(out, *inputs, **attrs):
        right(out, *inputs, **attrs)
        if out.dtype.name == "float32" and out.shape.elements:
            array = out.detach().numpy(force=True)
            array *= np.float32(1.001)

    return kernel


def quick(backend, op, dtype="float32", **options):
    return run(backend, quick=True, ops=[op], dtypes=[dtype], mode="test", **options)


SOME = "add cast exp tanh sum prod matmul where gather scatter sort softmax layer_norm_backward adam_step".split()


@pytest.mark.parametrize("op", SOME)
def test_the_reference_gets_an_a(op):
    defined = {dtype.name for dtype in dtypes_to_grade(op, REFERENCE)}
    dtypes = [name for name in ("bool", "int64", "float16", "float32") if name in defined]
    report = run("reference", quick=True, ops=[op], dtypes=dtypes, mode="test")
    assert report.ok
    assert {cell.grade for cell in report.cells.values()} == {"A"}
    assert {dtype for _, dtype in report.cells} == set(dtypes)


@pytest.mark.parametrize("function", ["mul", "layer_norm", "where", "cross_entropy"])
def test_derivatives_of_the_reference_get_an_a(function):
    report = run("reference", quick=True, ops=[function], mode="grad")
    assert [cell.grade for cell in report.cells.values()] == ["A"]
    assert {o.check for o in report.outcomes} == {"gradients", "second gradients"}


def test_every_op_of_the_contract_is_graded():
    ops = ops_to_grade()
    assert {"fill", "matmul", "attention_backward", "random_bits", "sgd_step"} <= set(ops)
    assert set(boot_ops()) <= set(ops)
    assert 20 <= len(boot_ops()) <= 45
    report = run("reference", tier="boot", quick=True, ops=["lt"], dtypes=["float32"])
    assert {o.check for o in report.outcomes} == {"samples", "layouts", "sizes"}


def test_an_inaccurate_kernel():
    with twin({"exp": coarse}):
        report = quick("twin", "exp")
        (cell,) = report.cells.values()
        assert cell.grade == "F"
        assert not report.ok
        assert cell.worst.ulp > 1000
        assert "expected" in cell.worst.message
        assert "got" in cell.worst.message
        again = run("twin", case=cell.worst.id)
        assert [o.id for o in again.outcomes] == [cell.worst.id]
        assert again.outcomes[0].budgets == cell.worst.budgets


def test_a_drawn_case_is_repeated_by_its_name():
    def wrong_for_three_dims(right):
        def kernel(out, *inputs, **attrs):
            right(out, *inputs, **attrs)
            if len(out.shape) == 3 and out.shape.elements:
                out.detach().numpy(force=True)[...] = 0

        return kernel

    with twin({"maximum": wrong_for_three_dims}):
        report = run("twin", ops=["maximum"], dtypes=["float32"], mode="test")
        found = [o for o in report.outcomes if o.check == "fuzz"]
        assert found[0].grade == "F"
        assert run("twin", case=found[0].id).outcomes[0].grade == "F"
        assert f"rustorch grade twin --case '{found[0].id}'" in "\n".join(terminal.lines(report, most=999))


def test_a_missing_kernel_must_be_announced():
    unsupported = ExpectedFailure("floor", "unsupported", "no unit for it")
    with twin({"floor": None}):
        report = quick("twin", "floor")
        assert [o.grade for o in report.outcomes] == ["-"]
        assert not report.ok
        assert "no kernel for float32 on device twin:0" in report.outcomes[0].message
    with twin({"floor": None}, [unsupported]):
        report = quick("twin", "floor")
        assert report.ok
        assert report.cells["floor", "float32"].expected == ("unsupported: no unit for it",)
    with twin({}, [unsupported]):
        report = quick("twin", "floor")
        assert report.passing == [(unsupported, "float32")]
        assert not report.ok
        assert "but it passes" in "\n".join(terminal.lines(report))


def test_announced_inaccuracy_is_strict_in_the_full_tier():
    known = ExpectedFailure("exp", "inaccurate", "a short polynomial", frozenset({"float32"}))
    with twin({"exp": coarse}, [known]):
        assert quick("twin", "exp").ok
    with twin({}, [known]):
        report = quick("twin", "exp")
        assert report.ok  # the case that fails may be one that the quick tier leaves out
        whole = Report("twin", report.outcomes, [known], complete=True)
        assert whole.passing == [(known, "float32")]
        flaky = dataclasses.replace(known, kind="flaky")
        assert not Report("twin", report.outcomes, [flaky], complete=True).passing


def test_an_announcement_explains_nothing_else():
    def raises(right):
        def kernel(out, *inputs, **attrs):
            raise RuntimeError("boom")

        return kernel

    with twin({"exp": raises}, [ExpectedFailure("exp", "inaccurate", "a short polynomial")]):
        report = quick("twin", "exp")
        assert not report.ok
        assert report.failures[0].message == "RuntimeError: boom"


@pytest.mark.parametrize(
    ("budgets", "dtype", "grade"),
    [
        (1, "float32", "A"),
        (4, "float32", "B"),
        (16, "float32", "C"),
        (2000, "float32", "D"),
        (4000, "float32", "F"),
        (17, "bfloat16", "F"),
        (math.inf, "float64", "F"),
    ],
)
def test_letters(budgets, dtype, grade):
    assert letter(budgets, dtype) == grade


def test_judging():
    f32 = rustorch.float32
    one = np.array([1.0])
    assert judge(one, one * (1 + 2.0**-25), f32, 0.0).budgets == 0  # the nearest number
    assert judge(one * (1 + 2.0**-22), one, f32, 2.0**-23).budgets == 2
    assert judge(one * (1 + 2.0**-22), one, f32, 2.0**-23).ulp == 2
    assert judge(one * np.nan, one, f32, 1.0).budgets == math.inf
    assert judge(one * np.inf, one * 3.5e38, f32, 1.0).budgets == 0  # rounds to infinity
    assert judge(one * np.inf, one * 1e38, f32, 1.0).budgets == math.inf
    assert judge(one * 0, one * 1e-40, f32, 0.0).budgets == 2
    assert "flushes subnormal" in judge(one * 0, one * 1e-40, f32, 0.0).message
    assert judge(np.array([1, 2]), np.array([1, 3]), rustorch.int64, None).budgets == math.inf
    assert judge(one, np.array([1.0, 2.0]), f32, 1.0).message == "expected shape (2,), got (1,)"


def test_judging_complex_numbers_that_overflow():
    """Which of their parts are infinite and which NaN is left open; numbers that do not overflow must be right."""
    complex64, nan, inf = rustorch.complex64, np.array([complex(np.nan, 1)]), np.array([complex(3, -np.inf)])
    too_large = np.array([complex(1e38, -1e39)])
    assert judge(nan, too_large, complex64, 1.0).budgets == 0
    assert judge(inf, too_large, complex64, 1.0).budgets == 0
    assert judge(np.array([1 + 1j]), too_large, complex64, 1.0).budgets == math.inf
    assert judge(nan, np.array([1e38 + 1j]), complex64, 1.0).budgets == math.inf


def test_names_of_cases():
    chosen = Selection.of_case("add/float32/sizes/0-130")
    assert (chosen.ops, chosen.dtypes, chosen.check, chosen.case) == ({"add"}, {"float32"}, "sizes", "0-130")
    with pytest.raises(rustorch.ArgumentError, match="op/dtype/check/case"):
        Selection.of_case("add")
    with pytest.raises(rustorch.ArgumentError, match="mode must be one of"):
        run("reference", mode="speed")
    with pytest.raises(rustorch.DeviceError, match="no backend is called 'nowhere'"):
        run("nowhere")


def test_reports(tmp_path, monkeypatch):
    monkeypatch.setenv("RUSTORCH_CACHE_DIR", str(tmp_path))
    with twin({"exp": coarse}):
        report = run("twin", quick=True, ops=["exp", "neg"], dtypes=["float32"], mode="test")
        report.write_json(tmp_path / "grade.json")
        found = json.loads((tmp_path / "grade.json").read_text())
        text = page(report)
        table = terminal.table(report)
    assert found["schema"] == "rustorch-grade/1"
    assert found["grade"] == "F"
    assert found["counts"] == {"A": 1, "F": 1}
    by_op = {cell["op"]: cell for cell in found["cells"]}
    assert by_op["neg"]["source"] == "native"
    assert by_op["exp"]["worst"]["command"].startswith("rustorch grade twin --case 'exp/float32/")
    assert Outcome.from_json(report.outcomes[0].to_json()) == report.outcomes[0]
    assert table == ["op    f32", "exp     F", "neg     A"]
    assert text.startswith("<!DOCTYPE html>")
    assert "http" not in text  # needs nothing else
    assert "rustorch grade twin --case" in text
    assert last_grade("twin") is None
    assert stored.store(report.summary()) is not None
    assert last_grade("twin")["grade"] == "F"
    assert last_grade("twin:0")["device"] == report.facts["device"]
    assert last_grade("twin:1") is None


def test_where_grades_are_kept(tmp_path):
    place = stored.cache_directory
    assert place({"RUSTORCH_CACHE_DIR": str(tmp_path)}, "linux") == tmp_path
    assert place({"XDG_CACHE_HOME": str(tmp_path)}, "linux") == tmp_path / "rustorch"
    assert place({"XDG_CACHE_HOME": "not/absolute"}, "linux").parts[-2:] == (".cache", "rustorch")
    assert place({}, "darwin").parts[-3:] == ("Library", "Caches", "rustorch")
    assert place({"LOCALAPPDATA": str(tmp_path)}, "win32") == tmp_path / "rustorch" / "Cache"


def test_support():
    with twin({"floor": None, "exp": None}):
        found = support(rustorch.device("twin"))
        text = "\n".join(terminal.support_lines("twin:0", found))
    assert found["floor"]["float32"] == "missing"
    assert found["softmax"]["float32"] == "decomposed"
    assert found["add"]["int64"] == "native"
    assert "x native, d decomposed, - missing" in text


def test_a_foreign_kernel_does_not_matter():
    """A kernel for another dtype than the one graded is not called."""
    assert isinstance(REFERENCE.kernels.offers["add"][0].kernel, Kernel)
    with twin({"add": coarse}):
        assert quick("twin", "add", "int64").grade == "A"
