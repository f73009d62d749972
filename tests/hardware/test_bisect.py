"""`rustorch.bisect`: own error and inherited error, phases, reports, reproduction."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

import rustorch
from rustorch import plugins
from rustorch.dispatch import observers
from rustorch.hardware import Call, rerun
from rustorch.plugins import hookimpl

sys.path.append(str(Path(__file__).resolve().parents[1] / "testing" / "conformance"))
from wrong_kernels.planting import kernels_of


def model_step(device):
    """Train a small classifier with all that is usual, twice."""
    rustorch.manual_seed(0)
    nn = rustorch.nn
    with rustorch.device(device):
        model = nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(12, 8), nn.LayerNorm(8), nn.GELU(), nn.Dropout(0.2), nn.Linear(8, 3),
        )  # fmt: skip
        optimizer = rustorch.optim.AdamW(model.parameters(), lr=0.01)
        x, y = rustorch.randn(4, 1, 4, 4), rustorch.randint(0, 3, (4,))
        for _ in range(2):
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return loss


def transformer_step():
    rustorch.manual_seed(0)
    layer = rustorch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    optimizer = rustorch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    loss = layer(rustorch.randn(2, 5, 8)).square().mean()
    loss.backward()
    optimizer.step()
    return loss.item()


def tiny_step():
    w = rustorch.nn.Parameter(rustorch.tensor([[0.3, -0.5, 0.7], [0.2, 0.9, -0.4]]))
    optimizer = rustorch.optim.SGD([w], lr=0.1, momentum=0.9)
    loss = w.exp().softmax(1).tanh().square().sum()
    loss.backward()
    optimizer.step()
    return loss


def scaled(factor):
    """Return a wrong kernel of a function that NumPy has under the op's name."""

    def of(function):
        def kernel(out, x, **_attrs):
            out.detach().copy_(
                rustorch.tensor(function(x.to_numpy()).astype(np.float32) * np.float32(factor))
            )

        return kernel

    return of


def wrong(op, kernel, device="cpu", **options):
    return rustorch.override(op, kernel, device=device, dtypes={"float32"}, check=False, **options)


# -- nothing wrong ----------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [model_step, transformer_step, tiny_step])
@pytest.mark.parametrize("a", ["reference", "decomposition"])
def test_right_kernels(step, a):
    report = rustorch.bisect(step, a=a, b="cpu")
    assert not report.found, str(report)
    assert report.op is None
    assert report.launches > 10
    assert report.checked > 5
    assert all(budgets <= 1 for budgets, _ in report.errors.values())
    assert "no op is wrong by itself" in str(report)
    with pytest.raises(rustorch.ArgumentError, match="reproduce: no op was found to be wrong"):
        report.reproduce()


def test_a_backend_that_decomposes_most():
    report = rustorch.bisect(transformer_step, a="cpu", b="reference")
    assert not report.found, str(report)
    assert report.checked > report.launches  # those inside of decompositions too


def test_what_is_not_compared_is_told():
    report = rustorch.bisect(tiny_step, a="decomposition", b="cpu")
    assert report.unchecked["exp"] == "a primitive of the device itself"
    assert "softmax" in report.errors
    assert "not compared " in str(report)


def test_results_of_both_runs():
    report = rustorch.bisect(tiny_step, a="reference", b="cpu")
    assert report.results[0] == pytest.approx(report.results[1], rel=1e-5)
    assert f"returned     {report.results[0]} on reference:0, {report.results[1]} on cpu:0" in str(report)


# -- own and inherited error ------------------------------------------------------------------------


def test_inherited_error_does_not_count():
    def step():
        x = rustorch.nn.Parameter(rustorch.tensor([1.0, 1.25, 1.5]))
        y = (
            (x.exp() - rustorch.tensor([2.7182817, 3.490343, 4.481689])).tanh().sum()
        )  # almost nothing is left
        y.backward()
        return y

    off_by_two = scaled(1 + 2**-22)(np.exp)  # inside of its budget
    with wrong("exp", off_by_two):
        report = rustorch.bisect(step, a="reference", b="cpu")
        assert not report.found, str(report)
        assert abs(report.results[0] - report.results[1]) > 1e-7 * abs(report.results[0])
        with wrong("tanh", scaled(1.01)(np.tanh)):
            report = rustorch.bisect(step, a="reference", b="cpu")
    assert report.op == "tanh"
    assert report.finding.inherited > 1000
    assert report.finding.judgement.ulp < 1e6
    assert f"inherited    {report.finding.inherited:.3g} ULP" in str(report)


def test_the_first_of_two_is_named():
    with wrong("softmax", scaled(2.0)(np.exp)), wrong("tanh", scaled(1.01)(np.tanh)):
        report = rustorch.bisect(tiny_step, a="reference", b="cpu")
    assert report.op == "softmax"
    assert report.finding.inherited <= 4  # what exp may differ by


def test_a_milder_one_gives_way_to_a_wrong_one():
    slightly = scaled(1 + 2**-20)(np.exp)  # twice its budget
    with wrong("exp", slightly):
        report = rustorch.bisect(tiny_step, a="reference", b="cpu")
        assert (report.op, report.finding.kind) == ("exp", "inexact")
        assert 1 < report.finding.judgement.budgets <= 4
        with wrong("tanh", scaled(1.01)(np.tanh)):
            report = rustorch.bisect(tiny_step, a="reference", b="cpu")
    assert (report.op, report.finding.kind) == ("tanh", "result")


# -- where ------------------------------------------------------------------------------------------


def zeros(out, *_inputs, **_attrs):
    for o in out if isinstance(out, tuple) else (out,):
        if o is not None:
            o.detach().zero_()


@pytest.mark.parametrize(
    ("op", "phase"), [("tanh", "forward"), ("softmax_backward", "backward"), ("sgd_step", "optimizer")]
)
def test_phases(op, phase):
    with wrong(op, zeros):
        report = rustorch.bisect(tiny_step, a="reference", b="cpu")
    assert (report.op, report.finding.phase) == (op, phase)
    assert f"{op}, launch {report.finding.number}, {phase}: its result is wrong" in str(report)


def test_a_closure_that_computes_the_loss_again_is_forward():
    def step():
        w = rustorch.nn.Parameter(rustorch.tensor([0.5, 1.0]))
        optimizer = rustorch.optim.SGD([w], lr=0.1)

        def closure():
            loss = w.tanh().sum()
            loss.backward()
            return loss

        optimizer.step(closure)

    with wrong("tanh", zeros):
        assert rustorch.bisect(step, a="reference", b="cpu").finding.phase == "forward"


def test_inside_of_a_decomposition():
    def step():
        rustorch.nn.functional.log_softmax(rustorch.ones(2, 3) * 0.5, 1)

    def exp(out, x):
        out.detach().copy_(x)

    with wrong("exp", exp, device="reference"):
        report = rustorch.bisect(step, a="cpu", b="reference")
    assert report.op == "exp"
    assert report.finding.inside[0] == "log_softmax"
    assert report.finding.inherited == 0
    assert f"exp, launch {report.finding.number} inside of log_softmax" in str(report)


def test_operands_are_described():
    def step():
        return rustorch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).t().tanh().sum()

    with wrong("tanh", zeros, layout="strided"):
        report = rustorch.bisect(step, a="reference", b="cpu")
    (operand,) = report.finding.call.inputs
    assert (operand.shape, operand.strides, operand.dtype) == ((3, 2), (1, 3), "float32")
    assert "tanh(float32 (3, 2) with strides (1, 3)) -> float32 (3, 2)" in str(report)
    assert report.finding.source.reason == "override in force"
    np.testing.assert_array_equal(operand.values, [[1, 4], [2, 5], [3, 6]])


# -- what else can be wrong -------------------------------------------------------------------------


def test_a_kernel_that_raises():
    def broken(out, x):
        raise ValueError("no such thing")

    with wrong("tanh", broken):
        report = rustorch.bisect(tiny_step, a="reference", b="cpu")
    assert (report.op, report.finding.kind) == ("tanh", "error")
    assert "expected a result, got ValueError: no such thing" in str(report)


def test_a_step_that_fails_by_itself_raises():
    def step():
        rustorch.ones(2).tanh()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        rustorch.bisect(step, a="reference", b="cpu")


def test_wrong_on_the_second_shape_only():
    shapes = set()

    def stateful(out, x):
        shapes.add(x.shape)
        out.detach().copy_(rustorch.tensor(np.tanh(x.to_numpy()) * (2 if len(shapes) > 1 else 1)))

    def step():
        rustorch.ones(3).tanh()
        rustorch.ones(4).tanh()

    with wrong("tanh", stateful):
        report = rustorch.bisect(step, a="reference", b="cpu")
    assert report.op == "tanh"
    assert report.finding.call.inputs[0].shape == (4,)


def test_random_results_are_named():
    chance = np.random.default_rng()

    def noisy(out, x):
        values = np.tanh(x.to_numpy().astype(np.float64)) * (1 + chance.uniform(-1, 1, x.shape) * 1e-7)
        out.detach().copy_(rustorch.tensor(values.astype(np.float32)))

    with wrong("tanh", noisy):
        report = rustorch.bisect(tiny_step, a="reference", b="cpu")
    assert (report.op, report.finding.kind) == ("tanh", "nondeterministic")
    assert "ULP when the call is repeated" in str(report)


# -- the report -------------------------------------------------------------------------------------


def test_it_can_be_reproduced_and_stored(tmp_path):
    with wrong("softmax", zeros):
        report = rustorch.bisect(tiny_step, a="reference", b="cpu")
        again = report.reproduce()
        assert again.wrong
        assert again.text == report.finding.judgement.text
        values, record = report.save(tmp_path / "call")
        loaded = Call.load(tmp_path / "call")
        assert rerun(loaded, "cpu", "reference").wrong
        assert rerun(loaded, "cpu").wrong  # against its decomposition
    assert (values.name, record.name) == ("call.npz", "call.json")
    facts = json.loads(record.read_text())
    assert (facts["op"], facts["phase"], facts["plugin"], facts["kind"]) == (
        "softmax", "forward", "override", "result",
    )  # fmt: skip
    assert str(loaded) == str(report.finding.call)
    assert not report.reproduce().wrong  # without the override all is well
    with pytest.raises(rustorch.SerializationError, match="do not hold a call: FileNotFoundError"):
        Call.load(tmp_path / "nothing")


def test_every_kind_of_attribute_and_dtype_is_stored(tmp_path):
    from rustorch.hardware.call import Operand

    values = np.array([1, 2, 3], rustorch.bfloat16.numpy)
    operand = Operand((3,), (-1,), 5, "bfloat16", values)
    attrs = {"a": (1, (2.5, math.inf)), "b": 1 + 2j, "c": None, "d": "x", "e": True}
    call = Call("clamp", "bfloat16", (None, operand), (operand, None), attrs, several=True)
    call.save(tmp_path / "c.npz")
    again = Call.load(tmp_path / "c.json")
    assert again.attrs == attrs
    assert (again.outs[0], again.inputs[1], again.several) == (None, None, True)
    assert again.inputs[0].values.tobytes() == values.tobytes()
    assert again.inputs[0].strides == (-1,)


# -- the run ----------------------------------------------------------------------------------------


def test_everything_is_put_back():
    rustorch.manual_seed(5)
    rustorch.rand(3)
    state, installed = rustorch.get_rng_state(), list(observers._installed)
    table = rustorch.device("cpu").kernels
    rustorch.bisect(model_step, a="decomposition", b="cpu")
    assert rustorch.get_rng_state() == state
    assert observers._installed == installed
    assert type(rustorch.device("cpu").kernels) is type(table)
    assert rustorch.device("cpu").kernels.wrappers == ()


def test_both_runs_draw_the_same_numbers():
    def step():
        return (rustorch.rand(4) * rustorch.nn.Parameter(rustorch.ones(4))).sum()

    report = rustorch.bisect(step, a="reference", b="cpu")
    assert report.results[0] == pytest.approx(report.results[1], rel=1e-6)


def test_a_device_is_compared_with_itself_without_overrides():
    with wrong("tanh", zeros):
        assert rustorch.bisect(tiny_step, a="cpu", b="cpu").op == "tanh"


def test_an_override_of_a_primitive_needs_no_second_device():
    with wrong("exp", zeros):
        assert rustorch.bisect(tiny_step, a="decomposition", b="cpu").op == "exp"


def test_wrong_arguments():
    with pytest.raises(
        rustorch.ArgumentTypeError, match="a function that trains a step is required, got int"
    ):
        rustorch.bisect(3, a="reference", b="cpu")
    with pytest.raises(rustorch.DeviceError, match="no backend is called 'warp'"):
        rustorch.bisect(tiny_step, a="reference", b="warp")


class WithoutDoubles:
    """The reference backend on a device that has no float64."""

    @hookimpl
    def rustorch_backends(self):
        return [plugins.BackendInfo("single")]

    @hookimpl
    def rustorch_open(self, name):
        return self if name == "single" else None

    @hookimpl
    def rustorch_kernels(self, name):
        return kernels_of("reference") if name == "single" else []

    def info(self):
        info = rustorch.device("reference").info
        return dataclasses.replace(info, dtypes=info.dtypes - {"float64", "complex128"})

    def __getattr__(self, name):
        return getattr(rustorch.device("reference").runtime, name)


@pytest.mark.parametrize(
    ("a", "b"), [("single", "cpu"), ("reference", "single"), ("decomposition", "single")]
)
def test_a_device_without_float64(a, b):
    plugins.register(WithoutDoubles(), "single")
    try:
        report = rustorch.bisect(model_step, a=a, b=b)
        assert not report.found, str(report)
        assert report.checked > 5
        with wrong("relu" if b == "cpu" else "tanh", zeros, device=b):
            report = rustorch.bisect(lambda: rustorch.ones(3).relu().tanh(), a=a, b=b)
        assert report.op == ("relu" if b == "cpu" else "tanh")
    finally:
        plugins.unregister("single")
