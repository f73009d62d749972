"""Work is done later, in the order of its stream and in no other."""

import time

import pytest

import rustorch

rustorch_loopback = pytest.importorskip("rustorch_loopback", reason="rustorch-loopback is not installed")
pytestmark = pytest.mark.usefixtures("loopback")


def test_kernels_return_before_their_work_is_done():
    x = rustorch.ones(3)
    stream = rustorch.current_stream()
    with rustorch_loopback.held("loopback"):
        y = x + x
        event = stream.record_event()
        time.sleep(0.01)
        assert not event.query()
        assert not stream.query()
    assert y.tolist() == [2.0, 2.0, 2.0]
    assert event.query()


def test_without_a_wait_another_stream_reads_what_was_there_before():
    a, b = rustorch.Stream(), rustorch.Stream()
    with rustorch_loopback.held(a):
        with rustorch.stream(a):
            x = rustorch.full((3,), 5.0)
        with rustorch.stream(b):
            assert (x * 2).isnan().all().item()  # poison
    with rustorch.stream(b):
        b.wait_stream(a)
        assert (x * 2).tolist() == [10.0] * 3


def test_waits_order_streams():
    a, b = rustorch.Stream(), rustorch.Stream()
    x = rustorch.zeros(1, dtype="float64")
    rustorch.synchronize()
    with rustorch_loopback.configured(delay=0.002, delayed=0.5):
        for _ in range(20):
            for first, second in ((a, b), (b, a)):
                with rustorch.stream(first):
                    x.mul_(2).add_(1)
                second.wait_stream(first)
    a.synchronize()
    with rustorch.stream(a):
        assert x.item() == 2.0**40 - 1


def test_a_stream_is_the_threads_own(loopback):
    import threading

    side, seen = rustorch.Stream(), []
    with rustorch.stream(side):
        assert rustorch.current_stream().of_runtime is side.of_runtime
        thread = threading.Thread(target=lambda: seen.append(rustorch.current_stream(loopback).of_runtime))
        thread.start()
        thread.join()
    assert seen[0] is rustorch.current_stream().of_runtime
    assert seen[0] is not side.of_runtime


def test_time_between_events():
    start, end = rustorch.Event(), rustorch.Event()
    start.record()
    with rustorch_loopback.configured(delay=0.02, delayed=1.0, relaid=0.0):
        x = rustorch.ones(2)
        for _ in range(20):
            x = x + x
        end.record()
        rustorch.synchronize()
    assert start.elapsed_time(end) > 10  # 20 waits of 10 ms on average


def test_memory_in_use_elsewhere_is_not_reused_before_its_time():
    side = rustorch.Stream()

    def leftovers(*, recorded):
        x = rustorch.full((50,), 3.0)
        side.wait_stream(rustorch.current_stream())
        with rustorch_loopback.held(side), rustorch_loopback.configured(relaid=0.0):
            with rustorch.stream(side):
                y = x + 0
            if recorded:
                x.record_stream(side)
            del x
            if not recorded:
                rustorch.full((50,), -1.0).tolist()  # takes the memory at once
        side.synchronize()
        with rustorch.stream(side):
            return y.tolist()

    assert leftovers(recorded=True) == [3.0] * 50
    assert leftovers(recorded=False) != [3.0] * 50


def test_numbers_kept_as_tensors_are_ready_for_every_stream():
    x = rustorch.ones(3)
    side = rustorch.Stream()
    with rustorch_loopback.held(side):
        with rustorch.stream(side):
            y = x * 7.1875
        assert (x * 7.1875).tolist() == [7.1875] * 3
    with rustorch.stream(side):
        assert y.tolist() == [7.1875] * 3


def test_devices_copy_to_each_other_in_order():
    x = rustorch.arange(6.0).reshape(2, 3)
    y = (x * 2).t()
    z = y.to("loopback:1") + 1
    assert z.device() == "loopback:1"
    assert z.tolist() == [[1.0, 7.0], [3.0, 9.0], [5.0, 11.0]]


LATE = {
    "gather": (
        lambda x: x.gather(0, rustorch.tensor([7])),
        IndexError,
        "gather: index 7 is out of bounds for dimension 0 with size 3",
    ),
    "floor_divide": (
        lambda x: x.long() // rustorch.tensor([0]),
        ZeroDivisionError,
        "floor_divide: integer division by zero",
    ),
}


def test_a_kernel_gets_no_tensor_as_an_attribute():
    x = rustorch.empty(3)
    with pytest.raises(RuntimeError, match="the attribute 'value' of a kernel is a tensor, float32"):
        x.device.kernels["fill"][x.dtype](x, value=x[0])


@pytest.mark.parametrize("wait", ["synchronize", "copy", "stream", "event"])
@pytest.mark.parametrize("case", LATE)
def test_errors_of_kernels_come_when_somebody_waits(case, wait):
    action, error, text = LATE[case]
    x = rustorch.ones(3)
    rustorch.synchronize()
    action(x)  # raises nothing
    with pytest.raises(error, match=text):
        {
            "synchronize": rustorch.synchronize,
            "copy": x.tolist,
            "stream": rustorch.current_stream().synchronize,
            "event": lambda: rustorch.current_stream().record_event().synchronize(),
        }[wait]()
    assert (x + 1).tolist() == [2.0] * 3  # it is raised once, and the device goes on


def test_the_first_of_several_errors_is_raised():
    x = rustorch.ones(3)
    (x.gather(0, rustorch.tensor([7])).long() // rustorch.tensor([0])).float()
    with pytest.raises(IndexError, match="index 7"):
        rustorch.synchronize()
    rustorch.synchronize()
