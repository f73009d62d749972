"""Memory that runs out and devices that are lost, by schedule: the core stays usable."""

import gc

import pytest

import rustorch

rustorch_loopback = pytest.importorskip("rustorch_loopback", reason="rustorch-loopback is not installed")
pytestmark = pytest.mark.usefixtures("loopback")


class Training:
    """A small net, and a step of it."""

    def __init__(self):
        rustorch.manual_seed(0)
        self.x = rustorch.randn(4, 3)
        self.model = rustorch.nn.Sequential(
            rustorch.nn.Linear(3, 4), rustorch.nn.Tanh(), rustorch.nn.Linear(4, 2)
        )
        self.optimizer = rustorch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)

    def step(self):
        self.optimizer.zero_grad()
        loss = self.model(self.x).square().mean()
        loss.backward()
        self.optimizer.step()
        return loss.item()


def test_out_of_memory_at_every_allocation_of_a_step(loopback):
    expected = [Training().step() for _ in range(2)]
    assert expected[0] == expected[1]
    with rustorch_loopback.configured(relaid=0.0):
        training = Training()
        training.step()
        with rustorch_loopback.inject() as count:
            training.step()
        gc.collect()
        before = rustorch.memory_stats()["allocated"]
        for number in range(1, count.allocations + 1):
            with (
                rustorch_loopback.inject(out_of_memory_at=number),
                pytest.raises(rustorch.OutOfMemoryError, match=f"allocation {number} was to fail"),
            ):
                training.step()
            assert training.step() > 0  # the same objects go on
            assert rustorch.memory_stats()["allocated"] == before
    assert Training().step() == expected[0]


def test_the_device_is_lost_at_every_kernel_of_a_step(loopback):
    with rustorch_loopback.configured(relaid=0.0):
        expected = Training().step()
        with rustorch_loopback.inject() as count:
            Training().step()
        for number in range(1, count.kernels + 1, 7):
            with rustorch_loopback.inject(lose_device_at=number), pytest.raises(rustorch.DeviceLostError):
                Training().step()
            rustorch_loopback.reset(loopback)
            assert Training().step() == expected


def test_a_lost_device_refuses_everything_until_it_is_reset(loopback):
    x = rustorch.ones(3)
    event = rustorch.current_stream().record_event()
    elsewhere = rustorch.ones(3, device="loopback:1")
    with rustorch_loopback.inject(lose_device_at=1), rustorch_loopback.configured(relaid=0.0):
        y = x + x  # raises nothing yet
    for action in (
        lambda: x + x,
        lambda: rustorch.ones(1),
        x.tolist,
        y.tolist,
        rustorch.synchronize,
        event.synchronize,
        rustorch.current_stream().synchronize,
        rustorch.empty_cache,
        lambda: rustorch.tensor([1.0]),
        lambda: x.to("cpu"),
    ):
        with pytest.raises(
            rustorch.DeviceLostError, match="loopback:0: the device was lost: so it was planned\nHint: "
        ):
            action()
    assert (elsewhere + 1).tolist() == [2.0] * 3
    del y
    rustorch_loopback.reset(loopback)
    assert (rustorch.ones(3) + 1).tolist() == [2.0] * 3
    with pytest.raises(rustorch.DeviceLostError, match="it was freed, or its device was reset since"):
        x + 1
    with pytest.raises(rustorch.DeviceLostError, match="its device was reset since"):
        x.tolist()


def test_schedules_of_one_device():
    with rustorch_loopback.inject(out_of_memory_at=1, device="loopback:1") as seen:
        rustorch.ones(3)
        with pytest.raises(rustorch.OutOfMemoryError, match="loopback:1: cannot allocate 12 bytes"):
            rustorch.ones(3, device="loopback:1")
    assert seen.allocations == 1


def test_the_same_program_asks_for_the_same():
    counts = []
    for _ in range(3):
        with rustorch_loopback.inject() as seen:
            Training().step()
        counts.append((seen.allocations, seen.kernels))
    assert counts[1] == counts[2]


def test_wrong_arguments():
    with (
        pytest.raises(
            rustorch.ArgumentError, match="out_of_memory_at counts from 1, or is 0 for never; got -1"
        ),
        rustorch_loopback.inject(out_of_memory_at=-1),
    ):
        pass
    with pytest.raises(rustorch.DeviceError, match="a loopback device is required, got cpu:0"):
        rustorch_loopback.reset("cpu")
    with (
        pytest.raises(rustorch.ArgumentTypeError, match="no option is called 'speed'"),
        rustorch_loopback.configured(speed=1),
    ):
        pass
    with (
        pytest.raises(rustorch.ArgumentTypeError, match="a stream of a loopback device is required"),
        rustorch_loopback.held(rustorch.Stream("cpu")),
    ):
        pass
