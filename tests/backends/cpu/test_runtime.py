"""The runtime, its allocator, the choice of instruction set and the thread pool."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import rustorch_cpu
from rustorch.dispatch.contract import Runtime
from rustorch.errors import OutOfMemoryError
from rustorch_cpu import plugin
from rustorch_cpu.allocator import CachingAllocator, size_class
from rustorch_cpu.native import lib

N = 1_000_003  # enough for every kernel here to use the pool


@pytest.fixture
def runtime():
    return plugin.rustorch_open("cpu", 0)


def test_blocks_are_aligned_and_reused():
    allocator = CachingAllocator()
    for nbytes in (0, 1, 64, 513, 5000, 1 << 20, (1 << 20) + 1, 9_999_999):
        first = allocator.allocate(nbytes)
        assert first % 64 == 0
        allocator.free(first, nbytes)
        assert allocator.allocate(nbytes) == first
        allocator.free(first, nbytes)
        assert size_class(nbytes) >= max(nbytes, 1)
    stats = allocator.stats()
    assert stats["hits"] >= 8
    assert stats["allocated"] == 0
    assert stats["peak"] >= 9_999_999
    allocator.empty_cache()
    assert allocator.stats()["reserved"] == 0


def test_similar_sizes_share_blocks_and_waste_is_bounded():
    for nbytes in range(1 << 20, 1 << 24, 12_345):
        assert nbytes <= size_class(nbytes) <= nbytes * 1.13


def test_the_cache_is_bounded():
    allocator = CachingAllocator(cache_limit=100_000)
    blocks = [allocator.allocate(50_000) for _ in range(10)]
    for block in blocks:
        allocator.free(block, 50_000)
    assert allocator.stats()["reserved"] <= 200_000
    allocator.empty_cache()


def test_out_of_memory_names_the_size():
    allocator = CachingAllocator()
    with pytest.raises(OutOfMemoryError, match=str(1 << 55)):
        allocator.allocate(1 << 55)
    assert allocator.stats()["allocated"] == 0


def test_counters_survive_threads():
    allocator = CachingAllocator()

    def work():
        for _ in range(3000):
            allocator.free(allocator.allocate(1000), 1000)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert allocator.stats()["allocated"] == 0


def test_copies_and_views(runtime):
    data = np.arange(100, dtype=np.uint8)
    buffer = runtime.allocate(100)
    runtime.copy_from_host(buffer, 10, memoryview(data)[:90])
    back = bytearray(50)
    runtime.copy_to_host(memoryview(back), buffer, 20)
    assert bytes(back) == bytes(range(10, 60))
    assert bytes(runtime.host_view(buffer, 100)[10:100]) == bytes(range(90))
    assert runtime.adopt(data) == data.ctypes.data
    runtime.free(buffer, 100)


def test_facts(runtime):
    assert isinstance(runtime, Runtime)
    info = runtime.info()
    assert info.arch == rustorch_cpu.isa()
    assert info.host_memory
    assert info.total_memory > 0
    assert plugin.rustorch_open("cpu", 1) is None
    assert plugin.rustorch_open("cuda", 0) is None
    assert plugin.rustorch_kernels("other", info) == []


def test_an_instruction_set_can_be_forced_and_a_wrong_one_is_refused():
    code = "import rustorch_cpu; print(rustorch_cpu.isa())"
    forced = {**os.environ, "RUSTORCH_CPU_ISA": "baseline", "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.check_output([sys.executable, "-c", code], env=forced, text=True).strip() == "baseline"
    wrong = {**forced, "RUSTORCH_CPU_ISA": "sparc"}
    failed = subprocess.run(
        [sys.executable, "-c", code], env=wrong, text=True, capture_output=True, check=False
    )
    assert "instruction set must be one of" in failed.stderr
    assert "'sparc'" in failed.stderr


@pytest.fixture
def four_threads():
    before = lib.rt_num_threads()
    lib.rt_set_num_threads(4)
    yield
    lib.rt_set_num_threads(before)


def add_large(run):
    a = np.arange(N, dtype=np.float32)
    np.testing.assert_array_equal(run("add", np.empty_like(a), a, a), a + a)


@pytest.mark.usefixtures("four_threads")
def test_the_number_of_threads(runtime):
    runtime.set_num_threads(3)
    assert lib.rt_num_threads() == runtime.get_num_threads() == 3
    runtime.set_num_threads(2)
    assert lib.rt_num_threads() == 2
    runtime.set_num_threads(0)
    assert lib.rt_num_threads() == 1
    assert 1 <= lib.rt_default_num_threads() <= os.cpu_count()


@pytest.mark.usefixtures("four_threads")
def test_many_jobs_in_a_row(run):
    for _ in range(300):
        add_large(run)


@pytest.mark.usefixtures("four_threads")
def test_calls_from_several_python_threads(run):
    failures = []

    def work():
        try:
            for _ in range(50):
                add_large(run)
        except Exception as error:  # noqa: BLE001 - reported by the main thread
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


@pytest.mark.usefixtures("four_threads")
def test_the_pool_works_in_a_forked_child(run):
    add_large(run)
    child = multiprocessing.get_context("fork").Process(target=add_large, args=(run,))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    add_large(run)
