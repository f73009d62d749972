"""The runtime, its allocator and the choice of instruction set."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import rustorch_cpu
from rustorch.dispatch.contract import Runtime
from rustorch.errors import OutOfMemoryError
from rustorch_cpu import plugin
from rustorch_cpu.allocator import IDLE, CachingAllocator, size_class


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
    for nbytes in [*range(4096, 1 << 20, 777), *range(1 << 20, 1 << 24, 12_345)]:
        assert nbytes <= size_class(nbytes) <= nbytes * 1.126
    assert len({size_class(nbytes) for nbytes in range(1 << 20, 1 << 21, 100)}) <= 9


def use(allocator, sizes):
    """Allocate blocks of all these sizes, then free them: one step of a program."""
    blocks = [(allocator.allocate(nbytes), nbytes) for nbytes in sizes]
    for block in blocks:
        allocator.free(*block)


def test_sizes_that_do_not_come_back_do_not_pile_up():
    allocator = CachingAllocator()
    most = 0
    for length in range(64, 2048, 13):  # a sequence grows, and with it the blocks, some by its square
        use(allocator, [length * 4096, length * 16384, length * length * 32, 5_000_000])
        stats = allocator.stats()
        most = max(most, stats["reserved"])
        assert stats["reserved"] <= 2 * stats["peak"] + IDLE
    use(allocator, [1000])
    assert most == pytest.approx(allocator.stats()["reserved"], rel=0.5)
    allocator.empty_cache()
    assert allocator.stats()["reserved"] == 0


def test_steps_that_repeat_want_no_fresh_memory():
    allocator = CachingAllocator()
    use(allocator, [300 << 20])  # what is in use first makes room for the rest
    steps = [[(k + 1) * (4 << 20) for k in range(6)], [7 << 20] * 3, [300 << 20]]
    misses = []
    for _ in range(5):
        for sizes in steps:
            use(allocator, sizes)
        misses.append(allocator.stats()["misses"])
    assert misses[-1] == misses[0]


@pytest.mark.skipif(
    "RUSTORCH_CPU_SANITIZE" in os.environ, reason="a sanitizer's own notes about memory are memory, too"
)
def test_memory_goes_back_to_the_system():
    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    if not Path("/proc/self/statm").exists():
        pytest.skip("no /proc")
    allocator, nbytes, before = CachingAllocator(), 200 << 20, resident()
    block = allocator.allocate(nbytes)
    ctypes.memset(block, 1, nbytes)
    assert resident() - before > nbytes * 0.9
    allocator.free(block, nbytes)
    allocator.empty_cache()
    assert resident() - before < nbytes * 0.1


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
