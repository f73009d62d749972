"""When MLX computes, and what it never computes."""

from __future__ import annotations

import threading

import mlx.core as mx
import pytest

import rustorch
from rustorch_mlx import graph as module
from rustorch_mlx.graph import Buffer, Graph

DEVICE = "mlx"


@pytest.fixture
def submitted(monkeypatch):
    """The numbers of arrays that were submitted, one per submission."""
    counts = []
    original = mx.async_eval
    monkeypatch.setattr(
        module.mx, "async_eval", lambda arrays: (counts.append(len(arrays)), original(arrays))
    )
    return counts


def test_a_long_run_without_reading_is_submitted_again_and_again(submitted):
    rustorch.synchronize(DEVICE)
    submitted.clear()
    x = rustorch.ones(3, device=DEVICE)
    for _ in range(5 * module.WRITES):
        x = x * 1.0
    assert len(submitted) == 5
    assert max(submitted) < 5  # of all intermediates only the last one lives
    assert x.tolist() == [1, 1, 1]


def test_large_results_are_submitted_early(submitted):
    rustorch.synchronize(DEVICE)
    submitted.clear()
    kept = [rustorch.ones(module.BYTES // 8, device=DEVICE) for _ in range(4)]
    assert len(submitted) == 2
    assert all(x[0].item() == 1 for x in kept)


def test_what_was_freed_is_not_computed():
    graph, kept, freed = Graph(), Buffer(4), Buffer(4)
    graph.write(kept, mx.array([1.0]))
    graph.write(freed, mx.array([2.0]))
    graph.forget(freed)
    graph.submit()
    assert freed.array is None
    assert kept.read(mx.float32).tolist() == [1.0]


def test_memory_is_given_back():
    before = rustorch.memory_stats(DEVICE)["allocated"]
    x = rustorch.ones(1000, device=DEVICE)
    for _ in range(3 * module.WRITES):
        x = x + x
        x = x * 0.5
    assert rustorch.memory_stats(DEVICE)["allocated"] - before < 20_000
    del x
    assert rustorch.memory_stats(DEVICE)["allocated"] - before < 100  # numbers that the core keeps


def test_a_thread_reads_what_another_left_uncomputed():
    x = rustorch.arange(1000, dtype=rustorch.float32, device=DEVICE) * 2
    found = []
    thread = threading.Thread(target=lambda: found.append((x + 1).sum().item()))
    thread.start()
    thread.join()
    assert found == [2 * 499500 + 1000]


def test_streams_keep_the_order_of_data():
    x = rustorch.ones(64, 64, device=DEVICE)
    stream = rustorch.Stream(DEVICE)
    with rustorch.stream(stream):
        y = x @ x
    assert (y + x)[0, 0].item() == 65  # on the first stream again, without waiting


def test_a_tensor_too_large_for_mlx_is_refused():
    with pytest.raises(
        rustorch.OutOfMemoryError, match="mlx: cannot allocate 8589934592 bytes; a tensor here has"
    ):
        rustorch.empty(2**31, device=DEVICE)
