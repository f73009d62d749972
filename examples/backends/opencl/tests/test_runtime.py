"""Memory, streams and errors of a device that works on its own time."""

import threading

import numpy as np
import pytest

import rustorch


def bytes_of(runtime, block, offset, count):
    target = bytearray(count)
    runtime.copy_to_host(memoryview(target), block, offset)
    return bytes(target)


def test_parts_of_a_buffer_are_read_and_written_by_byte_offset(runtime):
    block = runtime.allocate(10)
    runtime.copy_from_host(block, 0, memoryview(bytes(range(10))))
    runtime.copy_from_host(block, 3, memoryview(b"abc"))
    assert bytes_of(runtime, block, 2, 5) == b"\x02abc\x06"
    runtime.copy_to_host(memoryview(bytearray()), block, 10)
    runtime.free(block, 10)


def test_the_source_of_a_copy_may_change_at_once(runtime):
    block = runtime.allocate(1 << 20)
    source = bytearray(b"x" * (1 << 20))
    for round in range(20):
        source[:] = bytes([round]) * len(source)
        runtime.copy_from_host(block, 0, memoryview(source))
        source[:] = b"!" * len(source)
    assert bytes_of(runtime, block, 0, 1 << 20) == bytes([19]) * (1 << 20)
    runtime.free(block, 1 << 20)


def test_freed_memory_is_used_again(runtime):
    first = runtime.allocate(5000)
    before = runtime.memory_stats()
    runtime.free(first, 5000)
    assert runtime.memory_stats()["allocated"] == before["allocated"] - first.nbytes
    assert runtime.allocate(5100) is first  # the same size class
    assert runtime.memory_stats()["reserved"] == before["reserved"]
    runtime.free(first, 5100)
    runtime.empty_cache()
    assert runtime.memory_stats()["reserved"] == runtime.memory_stats()["allocated"]


def test_more_memory_than_there_is_raises_and_leaves_the_device_usable(device):
    with pytest.raises(rustorch.OutOfMemoryError, match="could not be allocated"):
        rustorch.empty(1 << 42, device=device)
    assert rustorch.ones(3, device=device).sum().item() == 3


def test_work_of_two_streams_is_ordered_by_events(device):
    producer, consumer = rustorch.Stream(device), rustorch.Stream(device)
    for round in range(20):
        with rustorch.stream(producer):
            x = rustorch.full((300, 300), 1 / 300, device=device)
            for _ in range(3):
                x = x @ x + round
            done = producer.record_event()
        consumer.wait_event(done)
        with rustorch.stream(consumer):
            x.record_stream(consumer)
            y = x * 2
        consumer.synchronize()
        assert consumer.query()
        expected = np.full((300, 300), 1 / 300, np.float32)
        for _ in range(3):
            expected = expected @ expected + round
        np.testing.assert_allclose(y.to_numpy(), expected * 2, rtol=1e-5)


def test_memory_that_another_stream_uses_is_not_given_away_before(device, runtime):
    other = runtime.new_stream(0)
    block = runtime.allocate(4096)
    runtime.record_stream(block, other)
    runtime.free(block, 4096)  # marks the other stream
    taken = runtime.allocate(4096)
    if taken is block:  # then the mark had been reached
        assert other.query()
    other.synchronize()
    runtime.free(taken, 4096)
    assert block in [runtime.allocate(4096) for _ in range(2)]


def test_events_measure_time(device):
    start, end = rustorch.Event(), rustorch.Event()
    x = rustorch.rand(200, 200, device=device)
    with device:
        start.record()
        for _ in range(5):
            x @ x
        end.record()
    end.synchronize()
    assert end.query()
    assert 0 < start.elapsed_time(end) < 60_000


def test_an_error_of_a_kernel_is_raised_by_the_next_wait_and_once(device):
    x, index = rustorch.arange(5, device=device), rustorch.tensor([1, 7, 9], device=device)
    x.gather(0, index)  # submitted: nothing is known yet
    with pytest.raises(
        rustorch.OutOfBoundsError, match="index (7|9) is out of bounds for dimension 0 with size 5"
    ):
        rustorch.synchronize(device)
    rustorch.synchronize(device)
    y = x // rustorch.zeros(5, dtype="int64", device=device)
    with pytest.raises(ZeroDivisionError, match="floor_divide: integer division by zero"):
        y.to_numpy()
    assert (x // 2).tolist() == [0, 0, 1, 1, 2]


def test_threads_have_streams_of_their_own(device):
    found = {}

    def work(number):
        with rustorch.stream(rustorch.Stream(device)):
            x = rustorch.full((100,), float(number), device=device)
            for _ in range(50):
                x = x + 1
            found[number] = x.sum().item()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == {n: 100.0 * (n + 50) for n in range(4)}
