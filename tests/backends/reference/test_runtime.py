import numpy as np
import pytest

from rustorch.errors import OutOfMemoryError
from rustorch.plugins import Runtime
from rustorch_reference.dtypes import ALL
from rustorch_reference.runtime import ReferenceRuntime


def test_it_is_a_runtime():
    runtime = ReferenceRuntime()
    assert isinstance(runtime, Runtime)
    runtime.synchronize()
    info = runtime.info()
    assert info.host_memory
    assert info.dtypes == ALL


def test_statistics_follow_allocation():
    runtime = ReferenceRuntime()
    first, second = runtime.allocate(100), runtime.allocate(20)
    runtime.free(first, 100)
    assert runtime.memory_stats() == {"allocated": 20, "peak": 120}
    runtime.free(second, 20)
    assert runtime.memory_stats() == {"allocated": 0, "peak": 120}


def test_an_impossible_allocation_raises():
    runtime = ReferenceRuntime()
    with pytest.raises(OutOfMemoryError, match=f"reference: cannot allocate {2**60} bytes of host memory"):
        runtime.allocate(2**60)
    assert runtime.memory_stats()["allocated"] == 0


@pytest.mark.parametrize("values", [[], [1.0, 2.0, 3.0]])
def test_a_round_trip_through_the_device(values):
    runtime = ReferenceRuntime()
    source, target = np.array(values), np.zeros(len(values))
    buffer = runtime.allocate(source.nbytes + 8)
    runtime.copy_from_host(buffer, 8, memoryview(source))
    runtime.copy_to_host(memoryview(target), buffer, 8)
    assert target.tolist() == values


def test_an_adopted_array_shares_its_memory():
    runtime = ReferenceRuntime()
    array = np.zeros((2, 3), np.float32)
    buffer = runtime.adopt(array)
    buffer.view(np.float32)[4] = 7.0
    assert array[1, 1] == 7.0
    runtime.free(buffer, array.nbytes)
    assert runtime.memory_stats() == {"allocated": 0, "peak": 0}


def test_only_contiguous_arrays_are_adopted():
    with pytest.raises(ValueError, match="adopt: the array must be C-contiguous, got strides"):
        ReferenceRuntime().adopt(np.zeros((3, 2)).T)


def test_a_host_view_shares_the_buffer():
    runtime = ReferenceRuntime()
    buffer = runtime.allocate(16)
    runtime.host_view(buffer, 8)[3] = 5
    assert buffer[3] == 5
    assert runtime.host_view(buffer, 8).nbytes == 8
    assert runtime.host_view(runtime.allocate(0), 0).nbytes == 0
