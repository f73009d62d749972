"""`rustorch.bisect` names each of the deliberately wrong kernels in a training step that runs into it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import rustorch
import rustorch.nn.functional as F
from rustorch.dispatch.registry import ops

sys.path.append(str(Path(__file__).resolve().parents[1] / "testing" / "conformance"))
from wrong_kernels import WRONG_KERNELS, planted

nan = float("nan")


def parameter(*shape, low=-1.0, high=1.0, dtype="float32"):
    values = np.random.default_rng(len(shape)).uniform(low, high, shape)
    return rustorch.nn.Parameter(rustorch.tensor(values, dtype=dtype))


def step_of(body, *parameters, steps=1, adam=False):
    """Return a training step: parameters are made, `body` computes from them what is summed into the loss."""

    def step():
        rustorch.manual_seed(3)
        made = [
            parameter(*shape) if isinstance(shape, tuple) else shape() for shape in parameters or [(3, 7)]
        ]
        optimizer = (rustorch.optim.Adam if adam else rustorch.optim.SGD)(made, lr=0.1)
        for _ in range(steps):
            loss = rustorch.nn.functional.mse_loss(body(*made), rustorch.tensor(0.0))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss

    return step


def total(*tensors):
    return sum(x.to("float32").mean() for x in tensors)


def beside(w, *tensors):
    """Add to the loss what is computed from data alone."""
    return total(w, *tensors)


def added_up(w):
    sizes = 10.0 ** (rustorch.arange(2000) % 7)
    return rustorch.zeros(3).scatter_add(0, rustorch.arange(2000) % 3, w * sizes)


def ints(*values, dtype="int64"):
    return rustorch.tensor(list(values), dtype=dtype)


def in_place(w):
    with rustorch.no_grad():
        w.remainder_(0.7)
    return total(w)


def with_layers(make, *shape):
    """Return a step whose layer is made on the device that it runs on."""

    def step():
        rustorch.manual_seed(3)
        layer, x = make(), rustorch.randn(*shape)
        optimizer = rustorch.optim.SGD(layer.parameters(), lr=0.1)
        out = layer(x)
        loss = total(*(out if isinstance(out, tuple) else (out,))[:1])
        loss.backward()
        optimizer.step()
        return loss

    return step


class StepByStep(rustorch.nn.Module):
    """A recurrent network out of a cell, one op per step."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, x):
        state = None
        for step in x.unbind(0):
            state = self.cell(step, state)
        return state[0]


def two_batches():
    rustorch.manual_seed(3)
    layer = rustorch.nn.LayerNorm(5)
    for rows in (4, 2):
        (layer(rustorch.randn(rows, 5, requires_grad=True)) ** 2).sum().backward()


def frozen_input():
    layer = rustorch.nn.LayerNorm(5)
    (layer(rustorch.randn(4, 5)) ** 2).sum().backward()


STEPS = {
    # layouts
    "tail_is_one_short": step_of(lambda w: total(w + w.detach())),
    "ignores_strides": step_of(lambda w: total(w.t().exp())),
    "ignores_offset": step_of(lambda w: total(w[1:].abs())),
    "ignores_zero_strides": step_of(lambda w: total(w * w[:, :1])),
    "negative_strides": step_of(
        lambda w: total(w - rustorch.from_numpy(np.arange(7, dtype=np.float32)[::-1]))
    ),
    "broadcast_batch": step_of(lambda w: total(rustorch.matmul(w, w[0].t().expand(2, 4, 3))), (2, 3, 4)),
    "only_the_first_64k": step_of(lambda w: total(rustorch.where(w > 0, w, 2 * w)), (70_000,)),
    "lost_carry": step_of(lambda w: total(w.cumsum(0)), (1500,)),
    "ignores_dilation": with_layers(lambda: rustorch.nn.Conv2d(2, 3, 3, dilation=2), 2, 2, 7, 7),
    # state
    "plan_of_the_first_shape": step_of(lambda w: total(w[:, :3].sum(1), w.sum(1))),
    "leftovers_of_a_larger_call": step_of(lambda w: total(w.amax(), w[0, :2].reshape(1, 2).amax())),
    "gradient_of_another_batch": two_batches,
    "gradient_beside_a_frozen_input": frozen_input,
    "order_left_to_chance": step_of(lambda w: total(added_up(w)), (2000,)),
    "forgets_to_synchronise": step_of(lambda w: total(w.tanh())),
    # memory
    "writes_past_the_end": step_of(lambda w: total((w * w + 1).sqrt())),
    "writes_before_the_start": step_of(lambda w: total(w.sin())),
    "reads_past_the_end": step_of(lambda w: total(w.sum(1))),
    "changes_its_operand": step_of(lambda w: total(w.log_softmax(1))),
    "operand_is_the_result": step_of(in_place),
    # numerics
    "maximum_drops_nan": step_of(lambda w: total(w.maximum(rustorch.tensor([nan] + [0.0] * 6)))),
    "relu_drops_nan": step_of(lambda w: beside(w, (w.detach() * rustorch.tensor([nan] + [1.0] * 6)).relu())),
    "clamp_drops_nan": step_of(lambda w: total((w * rustorch.tensor([nan] + [1.0] * 6)).clamp(0.0, 1.0))),
    "amin_drops_nan": step_of(lambda w: total((w * rustorch.tensor([1.0] * 6 + [nan])).amin(1))),
    "compares_bits": step_of(lambda w: total(w.masked_fill((w * 0) == rustorch.tensor(0.0), 1.0))),
    "flushes_denormals": step_of(lambda w: total(w * 1e-38 / 50)),
    "sigmoid_overflows": step_of(lambda w: total((w * 500).sigmoid())),
    "softmax_overflows": step_of(lambda w: total((w * 500).softmax(1))),
    "naive_sum": step_of(lambda w: (w + 1).sum() * 1e-3, (300_000,)),
    "half_accumulator": step_of(
        lambda w: total(w @ rustorch.ones(600, 2, dtype="float16")),
        lambda: parameter(2, 600, low=0.0, dtype="float16"),
    ),
    "erf_of_the_handbook": step_of(lambda w: total((w * 1e-3).erf())),
    "log1p_cancels": step_of(lambda w: total((w * 1e-6).log1p())),
    "integers_through_floats": step_of(lambda w: beside(w, ints(2**53 + 1, 7) * ints(3, 5) % 100)),
    "saturates": step_of(lambda w: beside(w, ints(200, 3, dtype="uint8") + ints(100, 4, dtype="uint8"))),
    "difference_overflows": step_of(
        lambda w: beside(w, ints(-(2**31), 5, dtype="int32") < ints(2**31 - 1, 3, dtype="int32"))
    ),
    "rounds_to_integers": step_of(lambda w: beside(w, (w * 5).detach().to("int64"))),
    "truncates_to_bfloat16": step_of(lambda w: total(w.to("bfloat16"))),
    "drifts": step_of(lambda w: beside(w, rustorch.arange(0.0, 1000.0, 0.1))),
    # semantics
    "truncates": step_of(lambda w: beside(w, ints(-7, -3, 5) // ints(2, 2, 2))),
    "division_by_zero_passes": step_of(lambda w: beside(w, ints(5, 3) % ints(2, 0))),
    "empty_reduction": step_of(lambda w: total(w[:, :0].prod(1))),
    "last_of_equals": step_of(lambda w: beside(w, (w * 0).detach().argmax(1))),
    "unstable": step_of(lambda w: beside(w, (w * 0).detach().sort(1)[1])),
    "index_is_clamped": step_of(lambda w: total(w.gather(1, ints(2, 99, 1).reshape(3, 1)))),
    "loses_duplicates": step_of(lambda w: total(rustorch.zeros(2, 7).index_add(0, ints(1, 1, 0), w))),
    "gradient_of_one_operand": with_layers(lambda: rustorch.nn.Conv2d(2, 3, 3), 2, 2, 5, 5),
    "forgets_the_cell": with_layers(lambda: StepByStep(rustorch.nn.LSTMCell(3, 4)), 3, 2, 3),
    "always_step_one": step_of(lambda w: total(w * w), steps=2, adam=True),
    "ignores_ignore_index": step_of(lambda w: F.cross_entropy(w, ints(1, -100, 2))),
    "mask_is_off_by_one": step_of(
        lambda w: total(F.scaled_dot_product_attention(w, w, w, is_causal=True)), (1, 2, 4, 3)
    ),
    "pads_with_zero": step_of(lambda w: total(F.max_pool2d(w - 5, 3, padding=1)), (1, 1, 5, 5)),
    "counts_the_padding": step_of(
        lambda w: total(F.avg_pool2d(w, 3, padding=1, count_include_pad=False)), (1, 1, 5, 5)
    ),
    "unbiased_variance": with_layers(lambda: rustorch.nn.BatchNorm2d(2), 3, 2, 4, 4),
    "next_block": step_of(lambda w: beside(w, rustorch.randint(0, 1000, (5,)))),
    "other_bits_for_the_tail": step_of(lambda w: beside(w, rustorch.randn(7))),
    "uniform_may_be_one": step_of(lambda w: beside(w, rustorch.rand(7))),
}

#: Steps that are wrong themselves: right kernels raise.
RAISE = {"division_by_zero_passes": ZeroDivisionError, "index_is_clamped": rustorch.OutOfBoundsError}

#: What no training step can show.
INVISIBLE = {
    "leaks": "memory that is not given back changes no result",
    "leaks_host_memory": "the same",
    "keeps_its_operand": "memory that is held for too long changes no result",
    "keeps_its_result": "the same",
    "scratch_of_all_threads": "wrong only when several threads run it at once",
    "loses_minus_zero": "0.0 equals -0.0",
}

BY_NAME = {wrong.name: wrong for wrong in WRONG_KERNELS}


def test_every_wrong_kernel_has_a_step_or_a_reason():
    assert STEPS.keys() | INVISIBLE.keys() == BY_NAME.keys()
    assert not STEPS.keys() & INVISIBLE.keys()
    assert len(STEPS) >= 25


@pytest.mark.parametrize("name", STEPS)
def test_it_is_named(name):
    wrong = BY_NAME[name]
    with planted(wrong) as device, np.errstate(all="ignore"):
        report = rustorch.bisect(STEPS[name], a="reference", b=device)
    assert report.op == wrong.op, str(report)
    assert report.finding.source.plugin == "mutant"


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("name", [name for name in STEPS if name not in RAISE])
def test_the_right_kernel_is_not(name, backend):
    with np.errstate(all="ignore"):
        report = rustorch.bisect(STEPS[name], a="reference", b=backend)
    assert not report.found, str(report)


@pytest.mark.parametrize("name", [name for name in STEPS if ops[BY_NAME[name].op].decomposition is not None])
def test_its_own_decomposition_shows_it_too(name):
    wrong = BY_NAME[name]
    with planted(wrong) as device, np.errstate(all="ignore"):
        report = rustorch.bisect(STEPS[name], a="decomposition", b=device)
    assert report.op == wrong.op, str(report)
