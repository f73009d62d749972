"""On a machine without a GPU: one clear line, and nothing else breaks."""

from __future__ import annotations

import subprocess
import sys

import pytest

import rustorch
from rustorch.plugins import Absent
from rustorch_cuda import plugin
from rustorch_cuda.errors import translated

ABSENT = plugin.probe()
without_gpu = pytest.mark.skipif(not isinstance(ABSENT, Absent), reason="this machine has a GPU")


@without_gpu
def test_the_reason_is_one_line() -> None:
    assert isinstance(ABSENT, Absent)
    assert "\n" not in ABSENT.reason
    assert ABSENT.reason.startswith(("no usable NVIDIA driver", "CuPy cannot be imported"))
    assert ABSENT.hint


@without_gpu
def test_using_it_says_why_not() -> None:
    with pytest.raises(rustorch.DeviceError, match="backend 'cuda' cannot run here: no usable NVIDIA driver"):
        rustorch.ones(2, device="cuda")
    assert not rustorch.cuda.is_available()


@without_gpu
def test_doctor_says_so_and_the_rest_works() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "rustorch", "doctor"], capture_output=True, text=True, check=False, timeout=120
    )
    assert run.returncode == 0
    assert "backend cuda: absent" in run.stdout
    assert sum("no usable NVIDIA driver" in line for line in run.stdout.splitlines()) == 1


def test_importing_rustorch_loads_neither_cupy_nor_the_plugin() -> None:
    code = "import rustorch, sys; assert not {'cupy', 'rustorch_cuda'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_real_driver_can_be_imported_without_a_device() -> None:
    pytest.importorskip("cupy")
    from rustorch_cuda.runtime import CudaRuntime

    assert CudaRuntime.copy_from_peer


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("cudaErrorMemoryAllocation: out of memory", rustorch.OutOfMemoryError),
        ("CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered", rustorch.DeviceLostError),
        ("cudaErrorInvalidValue: invalid argument", rustorch.DeviceError),
    ],
)
def test_errors_are_told_apart(text: str, kind: type[Exception]) -> None:
    error = translated(RuntimeError(text), 3)
    assert type(error) is kind
    assert str(error).startswith(f"cuda:3: {text}")
