"""Migration: identity, sharing, all or nothing, and the same losses."""

import gc
import random
import signal
import time

import numpy as np
import pytest

import rustorch
from rustorch import nn, optim
from rustorch.hardware.moving import Exchange
from rustorch.nn import functional as F


class Net(nn.Module):
    """A model with dropout, buffers and tied weights."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Linear(6, 8), nn.BatchNorm1d(8)
        self.middle, self.tied, self.last = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.tied.weight = self.middle.weight
        self.drop = nn.Dropout(0.3)

    def forward(self, x):
        x = self.drop(self.norm(self.first(x)).relu())
        return self.last(self.tied(self.middle(x).tanh()).tanh())


def build(device="reference", optimizer=optim.Adam):
    """Return a model, its optimizer and its schedule."""
    with rustorch.device(device):
        model = Net()
    made = optimizer(model.parameters(), lr=0.01)
    return model, made, optim.lr_scheduler.StepLR(made, step_size=3, gamma=0.5)


def batch(number, device):
    draw = np.random.default_rng(number)
    x = draw.normal(size=(12, 6)).astype(np.float32)
    return rustorch.tensor(x, device=device), rustorch.tensor(draw.integers(0, 3, 12), device=device)


def backward(model, number):
    x, y = batch(number, model.first.weight.device)
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    return loss.item()


def train(devices, optimizer=optim.Adam, accumulate=2, steps=12):
    """Return the losses of a run that spends its steps on the devices in turn, moving between two backwards."""
    rustorch.manual_seed(3)
    model, optimizer, schedule = build(devices[0], optimizer)
    losses = []
    for number in range(steps):
        place = devices[number * len(devices) // steps]
        rustorch.migrate(model, optimizer, schedule, to=place)
        losses.append(backward(model, number))
        if (number + 1) % accumulate == 0:
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
    return losses


def everything(model, optimizer):
    tensors = [*model.parameters(), *model.buffers()]
    tensors += [p.grad for p in model.parameters() if p.grad is not None]
    tensors += [v for state in optimizer.state.values() for v in state.values() if hasattr(v, "storage")]
    return tensors


def fingerprint(model, optimizer):
    """Return all that a failed migration must leave as it was."""
    facts = [
        (id(x), id(x.storage), id(x.grad_), x.device, x.storage.version, x.strides, x.offset, x.needs_grad,
         x.to_numpy().tobytes())
        for x in everything(model, optimizer)
    ]  # fmt: skip
    groups = [
        {k: v if k != "params" else [id(p) for p in v] for k, v in g.items()} for g in optimizer.param_groups
    ]
    state = [(id(p), list(s), s.get("step")) for p, s in optimizer.state.items()]
    return facts, groups, state, rustorch.get_rng_state()


# -- what moves ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "devices", [("cpu", "reference"), ("reference", "cpu"), ("cpu", "reference", "cpu", "reference")]
)
@pytest.mark.parametrize(
    "optimizer",
    [optim.Adam, lambda p, lr: optim.SGD(p, lr=lr, momentum=0.9), optim.RMSprop],
    ids=["adam", "sgd", "rmsprop"],
)
def test_losses_go_on_as_in_the_run_that_stayed(devices, optimizer):
    np.testing.assert_allclose(train(devices, optimizer), train(devices[:1], optimizer), rtol=2e-5)


def test_dropout_masks_survive():
    model = nn.Dropout(0.5)
    x = rustorch.ones(50, device="reference")
    rustorch.manual_seed(5)
    stayed = [model(x).to_numpy() for _ in range(4)]
    rustorch.manual_seed(5)
    moved = [model(x).to_numpy() for _ in range(2)]
    rustorch.migrate(x, to="cpu")
    moved += [model(x).to_numpy() for _ in range(2)]
    np.testing.assert_array_equal(moved, stayed)
    assert 0 < np.count_nonzero(stayed) < 200


def test_every_object_stays_the_same_and_nothing_is_left_behind():
    model, optimizer, schedule = build()
    backward(model, 0)
    optimizer.step()
    before = everything(model, optimizer)
    values = [x.to_numpy().copy() for x in before]
    versions = [x.storage.version for x in before]
    groups = [id(g) for g in optimizer.param_groups]
    found = rustorch.migrate(model, optimizer, schedule, to="cpu")
    after = everything(model, optimizer)
    assert all(x is y for x, y in zip(before, after, strict=True))
    assert {str(x.device) for x in after} == {"cpu:0"}
    assert [x.storage.version for x in after] == versions
    for x, value in zip(after, values, strict=True):
        np.testing.assert_array_equal(x.to_numpy(), value)
    assert [id(g) for g in optimizer.param_groups] == groups
    assert all(p in optimizer.state for p in model.parameters() if p.grad is not None)
    assert model.tied.weight is model.middle.weight
    assert (found.device, found.sources) == (rustorch.device("cpu"), (rustorch.device("reference"),))
    assert found.tensors >= len(after)
    assert found.direct_nbytes == 0
    assert not [made for made in optimizer._hyper._made.values() if made.tensor.device != "cpu"]
    assert "from reference:0 to cpu:0" in str(found)


def test_views_of_one_storage_stay_views_of_one_storage():
    flat = rustorch.arange(12.0, device="reference")
    model = nn.Linear(2, 2, device="reference")
    model.weight = nn.Parameter(flat[:4].view(2, 2))
    every_other, end = flat[1::2], flat.detach()[8:]
    rustorch.migrate(model, to="cpu")  # only the parameter is named
    assert flat.device == every_other.device == end.device == "cpu"
    assert flat.storage is every_other.storage is model.weight.storage
    with rustorch.no_grad():
        model.weight.fill_(7)
    assert flat.tolist() == [7.0] * 4 + [float(i) for i in range(4, 12)]
    assert every_other.tolist() == [7.0, 7.0, 5.0, 7.0, 9.0, 11.0]
    assert end.tolist() == [8.0, 9.0, 10.0, 11.0]


def test_tensors_dicts_and_lists():
    a, b = rustorch.ones(2, device="reference"), rustorch.ones(3, dtype=rustorch.int64, device="reference")
    found = rustorch.migrate({"a": a, "deep": [b, "text", 3]}, to="cpu")
    assert a.device == b.device == "cpu"
    assert (found.storages, found.nbytes) == (2, 2 * 4 + 3 * 8)


def test_tensors_of_several_devices_come_together():
    a, b = rustorch.ones(2, device="reference"), rustorch.full((2,), 2.0, device="cpu")
    found = rustorch.migrate([a, b], to="cpu")
    assert found.sources == (rustorch.device("reference"),)
    assert (a + b).tolist() == [3.0, 3.0]


def test_moving_to_where_it_is_changes_nothing():
    model, optimizer, _ = build()
    before = fingerprint(model, optimizer)
    found = rustorch.migrate(model, optimizer, to="reference")
    assert (found.tensors, found.storages, found.nbytes, found.sources) == (0, 0, 0, ())
    assert fingerprint(model, optimizer) == before


def test_plain_attributes_of_a_module_move_too():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(rustorch.ones(2, device="reference"))
            self.mask = rustorch.ones(2, device="reference")
            self.device = rustorch.device("reference")

        def forward(self, x):
            return x * self.weight * self.mask + rustorch.zeros(2, device=self.device)

    net = Masked()
    rustorch.migrate(net, to="cpu")
    assert net(rustorch.ones(2, device="cpu")).tolist() == [1.0, 1.0]
    assert net.device == "cpu"


def test_a_schedule_takes_its_optimizer_along():
    model, _, schedule = build()
    rustorch.migrate(schedule, to="cpu")
    assert model.first.weight.device == "cpu"


def test_lazy_parameters_get_their_device():
    model = nn.LazyLinear(3, device="reference")
    rustorch.migrate(model, to="cpu")
    assert model(rustorch.ones(2, 4, device="cpu")).device == "cpu"


def test_a_model_and_a_trainer_move_with_what_they_hold():
    x, y = np.eye(4, dtype=np.float32), np.arange(4) % 2
    model = rustorch.Model().add("Dense(3, activation=relu)").add("Dense(2)")
    model.compile("adam", "cross_entropy")
    model.to("reference")
    trainer = rustorch.training.Trainer(
        rustorch.training.TrainerConfig(epochs=1, device="reference"), verbose=False
    )
    trainer.train(model, (x, y))
    rustorch.migrate(trainer, to="cpu")
    assert {str(x.device) for x in everything(model, model.optimizer)} == {"cpu:0"}
    assert trainer.config.device == "cpu"
    trainer.train(model, (x, y))
    assert model.predict(rustorch.tensor(x, device="cpu")).device == "cpu"


def test_a_callback_may_migrate_in_the_middle_of_an_epoch():
    class Move(rustorch.training.Callback):
        def on_train_batch_end(self, batch, logs):
            rustorch.migrate(self.model, to=("cpu", "reference")[batch % 2])

    x, y = np.eye(8, dtype=np.float32), np.arange(8) % 2

    def run(callbacks):
        rustorch.manual_seed(1)
        model = rustorch.Model().add("Dense(6, activation=relu)").add("Dropout(0.2)").add("Dense(2)")
        model.compile("adam", "cross_entropy")
        model.to("reference")
        return model.fit((x, y), epochs=3, batch_size=2, verbose=False, callbacks=callbacks).train_loss()

    np.testing.assert_allclose(run([Move()]), run([]), rtol=1e-5)


# -- what is refused -----------------------------------------------------------------------------


def test_a_live_graph_is_refused_and_a_differentiated_one_is_not():
    model, optimizer, _ = build()
    x, y = batch(0, "reference")
    loss = F.cross_entropy(model(x), y)
    before = fingerprint(model, optimizer)
    with pytest.raises(rustorch.AutogradError, match=r"got Net\.\w+\.\w+, through which a graph"):
        rustorch.migrate(model, optimizer, to="cpu")
    assert fingerprint(model, optimizer) == before
    loss.backward()
    rustorch.migrate(model, optimizer, to="cpu")
    assert model.first.weight.grad.device == "cpu"


def test_a_result_with_a_live_history_is_refused():
    w = rustorch.ones(2, device="reference", requires_grad=True)
    y = w * 2
    with pytest.raises(rustorch.AutogradError, match=r"still be differentiated \(MulBackward\)"):
        rustorch.migrate(y, to="cpu")
    assert y.device == "reference"


def test_a_graph_that_is_garbage_in_a_cycle_does_not_count():
    w = rustorch.ones(2, device="reference", requires_grad=True)
    gc.disable()
    try:
        cycle = [w * 2]
        cycle.append(cycle)
        del cycle
        rustorch.migrate(w, to="cpu")
    finally:
        gc.enable()
    assert w.device == "cpu"


def test_a_dtype_that_the_device_lacks_is_named(make_device):
    make_device("narrow", dtypes=frozenset({"float32", "int64"}))
    model = nn.Sequential(nn.Linear(2, 2, device="reference"))
    model[0].bias = nn.Parameter(rustorch.zeros(2, dtype=rustorch.float64, device="reference"))
    with pytest.raises(
        rustorch.DTypeError, match=r"Sequential\.0\.bias is float64, which does not exist on device narrow"
    ):
        rustorch.migrate(model, to="narrow")
    assert model[0].weight.device == model[0].bias.device == "reference"


@pytest.mark.parametrize("thing", [3, "model", None, object(), F.relu])
def test_things_that_can_hold_no_tensor_are_refused(thing):
    with pytest.raises(rustorch.ArgumentTypeError, match=r"migrate: argument 2 must be a module, .*, got "):
        rustorch.migrate(nn.Linear(1, 1), thing, to="cpu")


@pytest.mark.parametrize("things", [(), (nn.ReLU(),), ([],), (rustorch.Generator(),)])
def test_nothing_to_move_is_an_error(things):
    with pytest.raises(rustorch.ArgumentError, match="migrate: at least one tensor is required"):
        rustorch.migrate(*things, to="cpu")


def test_an_unknown_device_is_refused_before_anything_happens():
    model, optimizer, _ = build()
    before = fingerprint(model, optimizer)
    with pytest.raises(rustorch.DeviceError, match="no backend is called 'nowhere'"):
        rustorch.migrate(model, optimizer, to="nowhere")
    assert fingerprint(model, optimizer) == before


# -- all or nothing ------------------------------------------------------------------------------


@pytest.mark.parametrize("peers", [False, True], ids=["through the host", "direct"])
@pytest.mark.parametrize(
    "error", [rustorch.OutOfMemoryError, rustorch.DeviceLostError, KeyboardInterrupt, MemoryError]
)
def test_a_failure_at_any_step_leaves_everything_where_it_was(make_device, peers, error):
    """Count the calls of both runtimes that a migration makes, then fail at each of them in turn."""
    first = make_device("first", peers=peers)
    make_device("second", first.watch, peers=peers)
    watch = first.watch
    rustorch.manual_seed(1)
    model, optimizer, schedule = build("first")
    for number in range(2):  # the second leaves gradients that were accumulated
        backward(model, number)
        if not number:
            optimizer.step()
    before = fingerprint(model, optimizer)
    free = rustorch.memory_stats("second")["allocated"]

    def failing_at(number):
        """Return the error of a migration whose call of this number fails, or None if it has fewer calls."""
        watch.arm(number, error)
        try:
            rustorch.migrate(model, optimizer, schedule, to="second")
        except error as raised:
            return raised
        finally:
            watch.disarm()
        return None

    steps = 1
    while (raised := failing_at(steps)) is not None:
        assert "injected at call" in str(raised)
        assert rustorch.memory_stats("second")["allocated"] == free  # also while the error is held
        assert fingerprint(model, optimizer) == before
        steps += 1
    storages = len({id(x.storage) for x in everything(model, optimizer)})
    # per storage an allocation and one or two copies; one wait per device
    assert steps - 1 == storages * (2 if peers else 3) + 2
    assert {str(x.device) for x in everything(model, optimizer)} == {"second:0"}
    assert [f[-1] for f in fingerprint(model, optimizer)[0]] == [f[-1] for f in before[0]]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers that interrupt")
def test_an_interrupt_at_any_moment_finds_all_or_nothing():
    """Ctrl-C at random moments of many migrations: model and optimizer are always on one device together."""

    def interrupt(*_args):
        raise KeyboardInterrupt

    model, optimizer, _ = build()
    backward(model, 0)
    optimizer.step()
    values = [x.to_numpy().tobytes() for x in everything(model, optimizer)]
    draw = random.Random(0)
    places = ("cpu", "reference")
    interrupted = moved = number = 0
    started = time.perf_counter()
    rustorch.migrate(model, optimizer, to="cpu")
    usual = time.perf_counter() - started
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        while number < 1000 and (interrupted < 20 or moved < 4):
            number += 1
            try:
                signal.setitimer(signal.ITIMER_REAL, draw.uniform(1e-6, 1.5 * usual))
                rustorch.migrate(model, optimizer, to=places[number % 2])
                signal.setitimer(signal.ITIMER_REAL, 0)
                moved += 1
            except KeyboardInterrupt:
                interrupted += 1
            assert len({x.device for x in everything(model, optimizer)}) == 1
            assert len({x.storage.device for x in everything(model, optimizer)}) == 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupted >= 20
    assert moved >= 4
    assert [x.to_numpy().tobytes() for x in everything(model, optimizer)] == values


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers that interrupt")
def test_handles_are_exchanged_in_one_step():
    """Interrupts that come while the attributes of many objects are set are raised before or after."""

    class Thing:
        place = 0

    def interrupt(*_args):
        raise KeyboardInterrupt

    def commit(place, after=None):
        exchange = Exchange()
        for thing in things:
            exchange.set(thing, "place", place)
        if after is not None:
            signal.setitimer(signal.ITIMER_REAL, after)
        exchange.commit()
        signal.setitimer(signal.ITIMER_REAL, 0)

    things = [Thing() for _ in range(50_000)]
    exchange = Exchange()
    for thing in things:
        exchange.set(thing, "place", 1)
    started = time.perf_counter()
    exchange.commit()
    usual = time.perf_counter() - started
    draw = random.Random(0)
    outcomes = set()
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for place in range(2, 60):
            try:
                commit(place, after=draw.uniform(1e-6, usual))
            except KeyboardInterrupt:
                (found,) = {thing.place for thing in things}  # the same everywhere
                outcomes.add(found == place)
            else:
                assert {thing.place for thing in things} == {place}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert True in outcomes  # some came while the loop ran, and waited for its end


def test_out_of_memory_says_how_far_it_came(make_device):
    device = make_device("small")
    device.watch.arm(3, rustorch.OutOfMemoryError)
    with pytest.raises(rustorch.OutOfMemoryError, match="after 24 bytes; nothing was moved"):
        rustorch.migrate([rustorch.ones(4), rustorch.ones(2)], to="small")


def test_a_direct_copy_takes_no_detour(make_device):
    first = make_device("first", peers=True)
    second = make_device("second", peers=True)
    x = rustorch.arange(6.0, device="first")
    first.watch.calls.clear()
    assert rustorch.migrate(x, to="second").direct_nbytes == 24
    assert second.watch.calls["copy_from_peer"] == 1
    assert first.watch.calls["copy_to_host"] == second.watch.calls["copy_from_host"] == 0
    assert rustorch.migrate(x, to="first").direct_nbytes == 24
    assert rustorch.migrate(x, to="cpu").direct_nbytes == 0
    assert x.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_the_old_memory_is_freed_after_the_swap(make_device):
    make_device("first")
    x = rustorch.ones(1000, device="first")
    assert rustorch.memory_stats("first")["allocated"] == 4000
    rustorch.migrate(x, to="cpu")
    assert rustorch.memory_stats("first")["allocated"] == 0


def test_a_copy_through_the_host_takes_little_there(make_device, monkeypatch):
    monkeypatch.setattr("rustorch.hardware.moving.STAGE", 64)
    first = make_device("first")
    x = rustorch.arange(100.0, device="first")
    first.watch.calls.clear()
    rustorch.migrate(x, to="cpu")
    assert first.watch.calls["copy_to_host"] == 7  # 400 bytes, 64 at a time
    assert x.tolist() == [float(i) for i in range(100)]
