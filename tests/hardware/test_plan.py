"""The plan of a step says what a device does with each op, and is what happens."""

import copy
import json
import warnings
from collections import Counter

import numpy as np
import pytest

import rustorch
from rustorch import nn, optim
from rustorch.nn import functional as F
from rustorch.ops.elementwise import use_constants
from rustorch.plugins import Kernel


@pytest.fixture(autouse=True)
def no_constants_yet():
    """Numbers are kept up to a limit; dropped between plan and step, they would be filled in again."""
    before = use_constants(({}, {}, {}))
    yield
    use_constants(before)


PRIMITIVE_HOLES = frozenset({"sqrt", "gather"})


def mlp():
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.GELU(), nn.Dropout(0.3), nn.Linear(8, 3))
    return model, (rustorch.randn(6, 4),)


def cnn():
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.LayerNorm(27), nn.Linear(27, 3)
    )
    return model, (rustorch.randn(2, 1, 8, 8),)


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(7, 6)
        self.inner = nn.TransformerEncoderLayer(6, 2, dim_feedforward=8, dropout=0.2, batch_first=True)
        self.cell = nn.LSTM(6, 5, batch_first=True)
        self.out = nn.Linear(5, 3)

    def forward(self, tokens):
        x, _ = self.cell(self.inner(self.words(tokens)))
        return self.out(x[:, -1])


def words():
    return Words(), (rustorch.randint(0, 7, (2, 4)),)


def cross_entropy(output):
    return F.cross_entropy(output, rustorch.arange(len(output), device=output.device) % 3)


def real_step(model, example, device, optimizer):
    """Run on the device what was planned; return what it reports about it."""
    watch = device.watch
    rustorch.migrate(model, optimizer, list(example), to=device.name)
    watch.calls.clear()
    rustorch.dispatch.reset_fallback_report()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*runs on cpu:0")
        loss = cross_entropy(model(*example))
        loss.backward()
        optimizer.step()
    where = f"{device.name}:0"
    report = {kind: counts.get(where, {}) for kind, counts in rustorch.fallback_report().items()}
    kernels = {op: n for op, n in watch.calls.items() if op in rustorch.ops.op.registry.ops}
    return kernels, report, rustorch.provenance(device.name)


def calls(found, status):
    total = Counter()
    for row in found.ops:
        if row.status == status:
            total[row.op] += row.calls
    return dict(total)


@pytest.mark.parametrize("build", [mlp, cnn, words])
@pytest.mark.parametrize("here", ["cpu", "reference"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"layout": "contiguous"},
        {"without": {"abs", "random_uniform", "erf", "maximum"}},
        {"without": PRIMITIVE_HOLES},
        {"without": PRIMITIVE_HOLES, "layout": "contiguous"},
        {"dtypes": frozenset({"bool", "int32", "int64", "float32"})},
    ],
    ids=["full", "contiguous", "holes", "host", "host contiguous", "no float64"],
)
def test_what_the_plan_says_is_what_happens(make_device, build, here, options):
    """Compare every count of the plan with those of the real step on a backend with holes."""
    device = make_device("holey", **options)
    with rustorch.device(here), rustorch.fallback("host"):
        model, example = build()
        optimizer = optim.Adam(model.parameters())
        found = rustorch.plan(model, example, "holey", optimizer=optimizer, loss=cross_entropy)
        assert found.missing == 0, str(found)
        kernels, report, used = real_step(model, example, device, optimizer)
    assert calls(found, "native") == kernels
    assert calls(found, "decomposed") == report["decomposed"]
    assert calls(found, "host") == report["host"]
    assert found.nbytes == sum(report["host_bytes"].values())
    by_status = {"native": "holey", "decomposed": "decomposition", "host": "host"}
    planned = {}
    for row in found.ops:
        planned.setdefault(row.op, {})[row.dtype] = by_status[row.status]
    assert planned == {op: {dtype: str(source) for dtype, source in row.items()} for op, row in used.items()}


class Root(nn.Module):
    """An op whose decomposition needs a square root."""

    def forward(self, x):
        return (x * x + 1).rsqrt()


def test_under_the_policy_error_a_hole_is_missing_and_the_real_step_raises(make_device):
    make_device("holey", without=PRIMITIVE_HOLES)
    x = rustorch.randn(5, 2)
    found = rustorch.plan(Root(), x, "holey", backward=False)
    assert (found.host, found.missing) == (0, 2)
    assert found.names("missing") == ["rsqrt", "sqrt"]
    (outer,) = [row for row in found.ops if row.op == "rsqrt"]
    assert outer.by == "its decomposition needs sqrt"
    assert "sqrt" in outer.ends_in
    (inner,) = [row for row in found.ops if row.op == "sqrt"]
    assert inner.by == "no plugin supplies sqrt for holey"
    with pytest.raises(rustorch.MissingKernelError, match="sqrt: no kernel for float32 on device holey:0"):
        Root()(x.to("holey"))


def test_the_policy_in_force_decides_between_host_and_missing(make_device):
    make_device("holey", without=PRIMITIVE_HOLES)
    x = rustorch.randn(5, 2)
    with rustorch.fallback("host"):
        found = rustorch.plan(Root(), x, "holey", backward=False)
    assert (found.host, found.missing, found.nbytes) == (1, 0, 3 * 40)
    (row,) = [row for row in found.ops if row.status == "host"]
    assert (row.op, row.by) == ("sqrt", "cpu:0")
    assert rustorch.plan(Root(), x, "holey", backward=False).missing == 2


def test_a_model_may_be_on_the_device_with_the_hole_already(make_device):
    make_device("holey", without=PRIMITIVE_HOLES)
    model, x = Root(), rustorch.randn(5, 2, device="cpu").to("holey")
    model.anchor = nn.Parameter(rustorch.ones(1, device="holey"))
    found = rustorch.plan(model, x, "holey", backward=False)
    assert found.names("missing") == ["rsqrt", "sqrt"]
    assert not rustorch.fallback_report()["host"].get("holey:0")


def test_a_dtype_that_the_device_lacks_makes_ops_missing(make_device):
    make_device("narrow", dtypes=frozenset({"float32"}))
    found = rustorch.plan(
        nn.Linear(2, 2, dtype=rustorch.float64), rustorch.ones(1, 2, dtype="float64"), "narrow"
    )
    assert found.native == 0
    assert {row.by for row in found.ops} == {"float64 does not exist there"}
    assert {row.dtype for row in found.ops} == {"float64"}


def test_a_condition_is_asked_with_the_operands_of_each_call(make_device):
    def slow_linear(out, x, weight, bias):
        out.detach().copy_(x.detach() @ weight.detach().T + bias.detach())

    wide = Kernel("linear", slow_linear, frozenset({"float32"}), when=lambda out, *_rest: out.shape[-1] > 4)
    make_device("choosy", extra=[wide])
    model = nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 2))
    found = rustorch.plan(model, rustorch.ones(2, 3), "choosy", backward=False)
    assert {(row.status, row.calls) for row in found.ops if row.op == "linear"} == {
        ("native", 1),
        ("decomposed", 1),
    }


def test_the_step_leaves_no_trace():
    model, (x,) = mlp()
    optimizer = optim.Adam(model.parameters())
    for _ in range(2):
        cross_entropy(model(x)).backward()
        optimizer.step()
    model[3].eval()
    (x @ rustorch.ones(4, 1)).relu()  # provenance and report have something to keep
    grads = [p.grad for p in model.parameters()]

    def facts():
        tensors = [*model.parameters(), *model.buffers(), *grads]
        tensors += [v for s in optimizer.state.values() for v in s.values() if hasattr(v, "storage")]
        return (
            [(id(t), id(t.storage), t.storage.version, t.to_numpy().tobytes()) for t in tensors],
            [id(p.grad) for p in model.parameters()],
            [(id(p), s["step"], list(s)) for p, s in optimizer.state.items()],
            [m.training for m in model.modules()],
            [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups],
            rustorch.get_rng_state(), rustorch.fallback_report(), dict(rustorch.provenance()),
            rustorch.is_grad_enabled(),
        )  # fmt: skip

    before = facts()
    first = rustorch.plan(model, x, "reference", optimizer=optimizer, loss=cross_entropy)
    assert facts() == before
    assert rustorch.plan(model, x, "reference", optimizer=optimizer, loss=cross_entropy) == first


def test_a_fresh_optimizer_stays_without_state():
    model, (x,) = mlp()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    rustorch.plan(model, x, "reference", optimizer=optimizer)
    assert not optimizer.state
    assert all(p.grad is None for p in model.parameters())


def test_what_a_failing_step_touched_is_put_back():
    model, (x,) = mlp()
    before = (
        [t.to_numpy().tobytes() for t in (*model.parameters(), *model.buffers())],
        rustorch.get_rng_state(),
    )

    def broken(_output):
        raise RuntimeError("no loss today")

    with pytest.raises(RuntimeError, match="no loss today"):
        rustorch.plan(model, x, "reference", loss=broken)
    assert before == (
        [t.to_numpy().tobytes() for t in (*model.parameters(), *model.buffers())],
        rustorch.get_rng_state(),
    )


def test_nothing_runs_on_the_target(make_device):
    device = make_device("idle")
    model, (x,) = mlp()
    rustorch.plan(model, x, "idle", optimizer=optim.Adam(model.parameters()))
    assert not device.watch.calls


def test_examples_may_be_arrays_tuples_and_keywords():
    class Two(nn.Module):
        def forward(self, a, *, b):
            return a * b

    array = np.ones(3, np.float32)
    both = rustorch.plan(Two(), {"a": array, "b": rustorch.ones(3)}, "reference", backward=False)
    assert [(row.op, row.calls) for row in both.ops] == [("mul", 1)]
    assert (
        rustorch.plan(nn.Bilinear(2, 2, 1), (rustorch.ones(1, 2), rustorch.ones(1, 2)), "reference").missing
        == 0
    )


def test_phases_table_and_plain_data():
    model, (x,) = mlp()
    found = rustorch.plan(model, x, "reference", optimizer=optim.SGD(model.parameters(), lr=0.1))
    phases = [found.phase(name) for name in ("forward", "backward", "optimizer")]
    assert all(phase.native for phase in phases)
    assert sum(phase.native for phase in phases) == found.native
    assert phases[2].names("decomposed") == ["sgd_step"]
    (linear,) = [row for row in found.ops if row.op == "linear"]
    assert linear.ends_in == ("add", "copy", "matmul")
    plain = found.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["device"] == "reference:0"
    assert plain["phases"]["forward"]["decomposed"] == phases[0].decomposed
    text = str(found)
    assert text.splitlines()[0].startswith(f"plan for device reference:0: {found.native} native, ")
    assert "linear" in text
    assert "by add, copy, matmul" in text
    with pytest.raises(
        rustorch.ArgumentError, match="one of forward, backward, optimizer is required, got 'sideways'"
    ):
        found.phase("sideways")
    with pytest.raises(rustorch.ArgumentError, match="one of missing, host, decomposed, native is required"):
        found.names("slow")


def test_a_plan_survives_a_copy_of_the_model():
    model, (x,) = mlp()
    assert rustorch.plan(copy.deepcopy(model), x, "reference") == rustorch.plan(model, x, "reference")


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((nn.ReLU(), rustorch.ones(1), "nowhere"), rustorch.DeviceError, "no backend is called 'nowhere'"),
        ((abs, rustorch.ones(1), "cpu"), rustorch.ArgumentTypeError, "plan: a Module is required, got builtin"),
        ((nn.LazyLinear(2), rustorch.ones(1, 2), "cpu"), rustorch.ArgumentError, "LazyLinear.weight without"),
        ((rustorch.Model().add("Dense(2)"), rustorch.ones(1, 2), "cpu"), rustorch.ArgumentError, "got Model without"),
        ((nn.ReLU(), rustorch.ones(1), "cpu"), rustorch.ArgumentError, "a result that requires grad is required"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(arguments, error, text):
    with pytest.raises(error, match=text):
        rustorch.plan(*arguments)


def test_bad_options_are_refused():
    model, (x,) = mlp()
    with pytest.raises(
        rustorch.ArgumentTypeError, match="loss must be a function of the model's result, got str"
    ):
        rustorch.plan(model, x, "cpu", loss="mse")
    with pytest.raises(rustorch.ArgumentError, match="an optimizer needs gradients, got backward=False"):
        rustorch.plan(model, x, "cpu", optimizer=optim.SGD(model.parameters(), lr=1.0), backward=False)
