"""Memory that traps, poison, guards, reuse and limits."""

import math
import signal
import subprocess
import sys

import numpy as np
import pytest

import rustorch

rustorch_loopback = pytest.importorskip("rustorch_loopback", reason="rustorch-loopback is not installed")
pytestmark = pytest.mark.usefixtures("loopback")

HEAD = "import ctypes, rustorch\nx = rustorch.ones(1000, device='loopback')\n"
TOUCHES = {
    "read": "ctypes.c_char.from_address(x.data_ptr()).value",
    "write": "ctypes.memset(x.data_ptr(), 0, 1)",
    "another plugin's kernel": (
        "y = rustorch.ones(1000, device='cpu')\n"
        "y.device.kernels['add'][y.dtype](y, y, x)"  # no check of devices stands in the way here
    ),
    "while kernels run": (
        "import rustorch_loopback\n"
        "with rustorch_loopback.configured(delay=0.5, delayed=1.0):\n"
        "    y = x + x\n"
        "    ctypes.c_char.from_address(x.data_ptr()).value"
    ),
}


@pytest.mark.parametrize("touch", TOUCHES)
def test_the_host_that_touches_device_memory_dies(touch):
    run = subprocess.run([sys.executable, "-c", HEAD + TOUCHES[touch]], check=False, capture_output=True)
    assert run.returncode == -signal.SIGSEGV, run.stderr.decode()


def test_the_device_itself_may_touch_it():
    run = subprocess.run([sys.executable, "-c", HEAD + "assert x.sum().item() == 1000"], check=False)
    assert run.returncode == 0


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "complex64"])
def test_what_was_not_written_is_nan(dtype):
    fresh = rustorch.empty(3, 5, dtype=dtype)
    assert fresh.isnan().all().item()
    again = rustorch.empty(3, 5, dtype=dtype)
    del fresh
    freed = rustorch.empty(3, 5, dtype=dtype)
    assert freed.isnan().all().item()
    assert again.isnan().all().item()


@pytest.mark.parametrize("dtype", ["int16", "int32", "int64"])
def test_what_was_not_written_is_no_index(dtype):
    size = min(10**9, np.iinfo(dtype).max - 1000)
    for _ in range(2):  # fresh, then freed
        x = rustorch.empty(4, 4, dtype=dtype).to_numpy().astype(np.int64)
        assert ((x < 0) | (x > size)).all()


def test_freed_memory_serves_the_next_and_holds_nothing_of_the_last():
    with rustorch_loopback.configured(relaid=0.0):
        x = rustorch.full((333,), 7.0)
        address = x.data_ptr()
        del x
        y = rustorch.empty(333)
    assert y.data_ptr() == address
    assert math.isnan(y[0].item())


def test_a_buffer_that_was_freed_is_refused():
    x = rustorch.ones(3)
    runtime, buffer = x.device.runtime, x.storage.buffer
    del x
    with pytest.raises(rustorch.DeviceLostError, match=f"there is no buffer at {buffer:#x}"):
        runtime.copy_to_host(memoryview(bytearray(4)), buffer, 0)


def test_copies_stay_inside_their_buffer():
    x = rustorch.ones(3)
    with pytest.raises(rustorch.DeviceError, match="a copy of 12 bytes from 4 leaves a buffer of 12 bytes"):
        x.device.runtime.copy_from_host(x.storage.buffer, 4, memoryview(bytes(12)))


def too_far(out, x):
    """Write one element behind the end of the result."""
    buffer = out.storage.buffer[: (out.shape.elements + 1) * 4].view(np.float32)
    buffer[:] = 1.0


@pytest.mark.parametrize("count", [1, 2, 16, 1000, 1001])
@pytest.mark.parametrize("seen_by", ["synchronize", "free"])
def test_a_kernel_that_writes_too_far_is_found(count, seen_by):
    x = rustorch.ones(count)
    with (
        rustorch_loopback.configured(relaid=0.0),
        rustorch.override("neg", rustorch_loopback.submitted(too_far), device="loopback", check=False),
    ):
        y = x.neg()
    if seen_by == "free":
        del y
    text = f"beyond its end into the guard of a buffer of {4 * count} bytes"
    with pytest.raises(rustorch.DeviceError, match=text):
        (x.tolist if seen_by == "free" else rustorch.synchronize)()


def test_memory_is_counted_and_bounded():
    rustorch_loopback.reset("loopback:1")
    with rustorch_loopback.configured(memory=1 << 20, relaid=0.0), rustorch.device("loopback:1"):
        x = rustorch.zeros(100_000)
        assert rustorch.memory_stats()["allocated"] == 400_000
        with pytest.raises(
            rustorch.OutOfMemoryError, match="cannot allocate 800000 bytes: 400000 of 1048576 are in use"
        ):
            rustorch.zeros(200_000)
        assert x.sum().item() == 0
        del x
        # it was cached in one size; now another is wanted, for which the cache has to be given back
        for size in (200_000, 150_000, 10, 230_000):
            assert rustorch.ones(size).sum().item() == size
        assert rustorch.memory_stats()["allocated"] == 0
        assert rustorch.memory_stats()["peak"] >= 920_000
        rustorch.empty_cache()
        assert rustorch.memory_stats()["reserved"] == 0
    rustorch_loopback.reset("loopback:1")


def test_nothing_leaks_in_a_training_step():
    model = rustorch.nn.Sequential(rustorch.nn.Linear(4, 8), rustorch.nn.Tanh(), rustorch.nn.Linear(8, 1))
    optimizer = rustorch.optim.Adam(model.parameters())
    x = rustorch.randn(5, 4)
    allocated = set()
    for _ in range(4):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        loss = loss.item()
        allocated.add(rustorch.memory_stats()["allocated"])
    assert len(allocated) <= 2  # the first step makes what is kept
    assert len({*list(allocated)[-2:]}) <= 2


def test_what_is_only_for_host_memory_says_so():
    x = rustorch.ones(2)
    for action in (x.numpy, lambda: np.asarray(x)):
        with pytest.raises(
            rustorch.DeviceError, match="numpy: the tensor is on device loopback:0\nHint: use x.to_numpy()"
        ):
            action()
    with pytest.raises(rustorch.DeviceError, match="__dlpack__: device loopback:0 does not offer DLPack"):
        x.__dlpack__()
    with pytest.raises(
        rustorch.DeviceError, match="__dlpack_device__: device loopback:0 does not offer DLPack"
    ):
        x.__dlpack_device__()
    array = np.ones(2)
    copied = rustorch.from_numpy(array)
    array[0] = 5
    assert copied.tolist() == [1.0, 1.0]
