"""Devices beside the host; skipped where PyTorch has none."""

from __future__ import annotations

import pytest
import torch

import rustorch

if not torch.accelerator.is_available():
    pytest.skip("PyTorch has no accelerator here", allow_module_level=True)

DEVICE = f"torch:{torch.accelerator.current_accelerator().type}"


def test_a_copy_from_another_device_of_pytorch_goes_directly():
    x = rustorch.arange(10, dtype=rustorch.float32, device="torch:cpu")
    there, here = rustorch.device(DEVICE), x.device
    y = rustorch.zeros(10, device=there)
    assert there.runtime.copy_from_peer(y.storage.buffer, 0, here.runtime, x.storage.buffer, 0, 40)
    assert y.tolist() == x.tolist()


def test_work_on_a_stream_of_its_own():
    if not hasattr(rustorch.device(DEVICE).runtime, "new_stream"):
        pytest.skip(f"{DEVICE} has no streams")
    x = rustorch.ones(1000, 1000, device=DEVICE)
    stream = rustorch.Stream(DEVICE)
    done = rustorch.current_stream(DEVICE).record_event()
    with rustorch.stream(stream):
        stream.wait_event(done)
        y = x @ x
    x.record_stream(stream)
    stream.synchronize()
    assert y[0, 0].item() == 1000


def test_a_wrong_index_is_an_error_and_the_device_goes_on():
    x = rustorch.ones(3, device=DEVICE)
    with pytest.raises(
        rustorch.OutOfBoundsError, match="index 5 is out of bounds for dimension 0 with size 3"
    ):
        x.index_select(0, rustorch.tensor([5], device=DEVICE))
    assert x.sum().item() == 3
