"""From an error of CUDA to one that users of RusTorch know."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rustorch.errors import DeviceError, DeviceLostError, OutOfMemoryError

#: After one of these statuses every later call of the process on that device fails as well.
_LOST = (
    "IllegalAddress",
    "ILLEGAL_ADDRESS",
    "LaunchFailure",
    "LAUNCH_FAILED",
    "IllegalInstruction",
    "ILLEGAL_INSTRUCTION",
    "MisalignedAddress",
    "MISALIGNED_ADDRESS",
    "HardwareStackError",
    "HARDWARE_STACK_ERROR",
    "ECCUncorrectable",
    "ECC_UNCORRECTABLE",
    "DevicesUnavailable",
    "Assert",
)


def translated(error: Exception, ordinal: int) -> Exception:
    """Return the error to raise for one that CuPy raised."""
    text = " ".join(str(error).split())
    where = f"cuda:{ordinal}: {text}"
    if type(error).__name__ == "OutOfMemoryError" or "MemoryAllocation" in text or "OUT_OF_MEMORY" in text:
        return OutOfMemoryError(
            where, hint="smaller batches, rustorch.empty_cache(), or fewer other processes"
        )
    if any(status in text for status in _LOST):
        return DeviceLostError(where, hint="the process must be started again to use this device")
    return DeviceError(where)


@contextmanager
def translating(ordinal: int) -> Iterator[None]:
    """Turn errors of CUDA inside the block into RusTorch's."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # CUDARuntimeError, CUBLASError, OutOfMemoryError ...
        if not type(error).__module__.startswith("cupy"):
            raise
        raise translated(error, ordinal) from error
