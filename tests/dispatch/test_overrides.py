"""`rustorch.override`: scope, order, and the comparison before a kernel is used."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

import rustorch
from rustorch import plugins
from rustorch.dispatch.overrides import overrides
from rustorch.plugins import Kernel, hookimpl


def filled_with(value):
    def kernel(out, *_inputs, **_attrs):
        out.detach().fill_(value)

    return kernel


def two_x(out, a, b):
    out.detach().copy_(rustorch.sub(a, -b))


def wrong_at_the_tail(out, x):
    values = np.tanh(x.to_numpy())
    if values.size > 1:
        values.reshape(-1)[-1] = 0
    out.copy_(rustorch.tensor(values))


@pytest.fixture(autouse=True)
def on_the_cpu_and_nothing_is_left():
    with rustorch.device("cpu"):
        yield
    assert overrides() == ()


# -- scope -------------------------------------------------------------------------------------------


def test_a_block():
    x = rustorch.ones(3)
    calls = []

    def tripled(out, a, b):
        calls.append(b.shape)
        out.detach().copy_(a * 3)

    with rustorch.override(
        "add", tripled, device="cpu", when=lambda out, a, b: a.shape == (3,), check=False
    ) as entry:
        assert entry.active
        assert (x + x).tolist() == [3.0, 3.0, 3.0]
        assert (rustorch.ones(2) + 1).tolist() == [2.0, 2.0]
    assert not entry.active
    assert (x + x).tolist() == [2.0, 2.0, 2.0]
    assert calls == [(3,)]


def test_a_handle_holds_until_it_is_removed():
    handle = rustorch.override("add", filled_with(9.0), check=False)
    x = rustorch.ones(2)
    assert (x + x).tolist() == [9.0, 9.0]
    assert repr(handle) == "<override of add on all devices, active>"
    handle.remove()
    handle.remove()
    assert (x + x).tolist() == [2.0, 2.0]
    with pytest.raises(rustorch.ArgumentError, match="the kernel for 'add' was removed"), handle:
        pass


def test_an_exception_ends_the_scope():
    def fail():
        with rustorch.override("add", filled_with(9.0), check=False):
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (rustorch.ones(1) + 1).item() == 2


def test_the_newest_wins_unless_another_has_priority():
    x = rustorch.ones(1)
    with rustorch.override("add", filled_with(1.0), check=False):
        with rustorch.override("add", filled_with(2.0), check=False):
            assert (x + x).item() == 2
            with rustorch.override("add", filled_with(3.0), priority=-1, check=False):
                assert (x + x).item() == 2
        assert (x + x).item() == 1


def test_scopes_may_end_in_any_order():
    x = rustorch.ones(1)
    first = rustorch.override("add", filled_with(1.0), check=False)
    second = rustorch.override("add", filled_with(2.0), check=False)
    first.remove()
    assert (x + x).item() == 2
    second.remove()
    assert (x + x).item() == 2  # 1 + 1


def test_threads_come_and_go():
    failures = []

    def work(number):
        try:
            for _ in range(20):
                with rustorch.override("sub", filled_with(float(number)), check=False):
                    (rustorch.ones(2) - 1).tolist()
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert (rustorch.ones(1) - 1).item() == 0


def test_one_device_of_a_type():
    with rustorch.override("add", filled_with(9.0), device="cpu:1", check=False):
        assert (rustorch.ones(1) + 1).item() == 2
    with rustorch.override("add", filled_with(9.0), device=rustorch.device("cpu"), check=False):
        assert (rustorch.ones(1) + 1).item() == 9


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"op": "ad"}, rustorch.ArgumentError, "no op is called 'ad'\nHint: did you mean add"),
        ({"kernel": 3}, rustorch.ArgumentTypeError, "kernel must be callable, got int"),
        ({"when": "x"}, rustorch.ArgumentTypeError, "when must be callable, got str"),
        ({"dtypes": ["float33"]}, rustorch.ArgumentError, "dtypes must be among .* got .'float33'"),
        (
            {"layout": "packed"},
            rustorch.ArgumentError,
            "layout must be 'contiguous' or 'strided', got 'packed'",
        ),
        ({"device": "warp"}, rustorch.DeviceError, "no backend is called 'warp'"),
    ],
)
def test_wrong_arguments(options, error, text):
    with pytest.raises(error, match=text):
        rustorch.override(**{"op": "add", "kernel": two_x, **options})


# -- the comparison ----------------------------------------------------------------------------------


def test_a_right_kernel_is_taken():
    began = time.perf_counter()
    with rustorch.override("add", two_x, device="cpu", dtypes={"float32", "float64"}):
        assert (rustorch.ones(2) + 1).tolist() == [2.0, 2.0]
    assert time.perf_counter() - began < 10  # under a second, on a machine that is not busy


def test_a_wrong_kernel_is_refused_with_the_worst_case():
    with pytest.raises(rustorch.ArgumentError) as found:
        rustorch.override("tanh", wrong_at_the_tail, device="cpu", dtypes={"float32"})
    text = str(found.value)
    assert text.startswith("override: the kernel for 'tanh' is wrong on cpu:0: tanh(float32 (")
    assert "expected " in text
    assert ", got 0 at (" in text
    assert "Hint: restrict it with dtypes= or when=" in text


def test_a_condition_is_respected():
    def scalars(out, x):
        return not x.shape

    with rustorch.override("tanh", wrong_at_the_tail, device="cpu", dtypes={"float32"}, when=scalars):
        assert rustorch.tensor(0.5).tanh().item() == pytest.approx(np.tanh(0.5))


def test_a_kernel_that_no_sample_fits_is_taken_and_says_so():
    with rustorch.override("tanh", wrong_at_the_tail, device="cpu", when=lambda out, x: x.shape == (12345,)):
        rustorch.ones(2).tanh()
        source = rustorch.provenance("cpu")["tanh"]["float32"]
    assert source.reason.endswith("not examined: no sample call fits its dtypes and condition")


def test_only_the_declared_layouts_are_tried():
    def as_it_lies(out, x):
        whole = np.asarray(x.storage.buffer).view(np.float32)[x.offset :][: x.shape.elements].reshape(x.shape)
        np.asarray(out.storage.buffer).view(np.float32)[out.offset :][: x.shape.elements] = np.exp(
            whole
        ).reshape(-1)

    with rustorch.override("exp", as_it_lies, device="reference", dtypes={"float32"}):
        pass
    with pytest.raises(rustorch.ArgumentError, match="exp.*float32.*strided"):
        rustorch.override("exp", as_it_lies, device="reference", dtypes={"float32"}, layout="strided")


def test_what_a_kernel_writes_elsewhere_is_seen():
    def greedy(out, x):
        x.detach().zero_()
        out.detach().zero_()

    with pytest.raises(rustorch.ArgumentError, match=r"operand 0: its element at \d+ was changed"):
        rustorch.override("erf", greedy, device="cpu", dtypes={"float64"})


def test_a_primitive_is_compared_with_the_reference():
    with pytest.raises(rustorch.ArgumentError, match="matmul.*expected"):
        rustorch.override("matmul", filled_with(0.0), device="cpu", dtypes={"float32"})


def test_a_kernel_that_raises():
    def broken(out, x):
        raise ValueError("no")

    with pytest.raises(rustorch.ArgumentError, match="expected a result, got ValueError: no"):
        rustorch.override("tanh", broken, device="cpu", dtypes={"float32"})


def test_examined_under_no_grad_too():
    with rustorch.no_grad(), pytest.raises(rustorch.ArgumentError, match="softmax_backward"):
        rustorch.override("softmax_backward", filled_with(0.0), device="cpu", dtypes={"float32"})


def test_elsewhere_a_wrong_kernel_is_left_out_with_a_warning():
    def right_on_cpu_only(out, a, b):
        if out.device.type != "cpu":
            out.detach().zero_()
        else:
            two_x(out, a, b)

    with rustorch.override("add", right_on_cpu_only, dtypes={"float32"}):
        assert (rustorch.ones(2) + 1).tolist() == [2.0, 2.0]
        there = rustorch.ones(2, device="reference")
        with pytest.warns(UserWarning, match="add: the kernel of override is not used on reference:0: add"):
            assert (there + there).tolist() == [2.0, 2.0]
        source = rustorch.provenance("reference")["add"]["float32"]
        assert source == "reference"
        assert source.others[0][0] == "override"
        assert source.others[0][1].startswith("refused: add(float32")


# -- kernels that a plugin brings for another's backend --------------------------------------------------


class Stranger:
    """Brings kernels for `cpu`."""

    def __init__(self, *kernels: Kernel) -> None:
        self.kernels = kernels

    @hookimpl
    def rustorch_kernels(self, name: str) -> list[Kernel]:
        return list(self.kernels) if name == "cpu" else []


@pytest.fixture
def stranger():
    def install(*kernels):
        plugins.register(Stranger(*kernels), "stranger")

    yield install
    plugins.unregister("stranger")


FLOAT = frozenset({"float32"})


def test_a_right_kernel_of_a_stranger_is_used(stranger):
    stranger(Kernel("add", two_x, FLOAT, priority=5))
    assert (rustorch.ones(2) + 1).tolist() == [2.0, 2.0]
    source = rustorch.provenance("cpu")["add"]["float32"]
    assert source == "stranger"
    assert (source.reason, source.priority) == ("the highest priority", 5)


def test_a_wrong_kernel_of_a_stranger_is_not_used(stranger):
    stranger(Kernel("add", filled_with(0.0), FLOAT, priority=5))
    with pytest.warns(UserWarning, match="add: the kernel of stranger is not used on cpu:0"):
        assert (rustorch.ones(2) + 1).tolist() == [2.0, 2.0]
    source = rustorch.provenance("cpu")["add"]["float32"]
    assert source == "cpu"
    assert source.others[0][1].startswith("refused: add(float32")
    plugins.register(Stranger(), "another")  # the kernels of all plugins are asked for again
    plugins.unregister("another")
    assert (rustorch.ones(2) + 1).tolist() == [2.0, 2.0]  # no second examination, no second warning


def test_half_a_pair_of_a_stranger_is_not_used(stranger):
    def exp_over_sum(out, x, *, dim):
        if x.shape.elements:
            e = (x - x.amax(dim, keepdim=True)).exp()
            out.detach().copy_(e / e.sum(dim, keepdim=True))

    stranger(Kernel("softmax", exp_over_sum, FLOAT, priority=5))
    rustorch.ones(2, 2).softmax(0)
    source = rustorch.provenance("cpu")["softmax"]["float32"]
    assert source == "cpu"
    assert source.others == (
        ("stranger", "it has no softmax_backward, which comes from the same plugin or not at all"),
    )
