"""A machine without a driver: RusTorch works, and says in one line why this device does not."""

import os
import subprocess
import sys

SCRIPT = """
import sys
import rustorch
assert "pyopencl" not in sys.modules, "import rustorch loads no driver"
print(rustorch.ones(2, device="cpu").sum().item())
assert "pyopencl" not in sys.modules, "nor does another device"
try:
    rustorch.ones(2, device="opencl")
except rustorch.DeviceError as error:
    print(error)
"""


def test_no_platform_is_an_absent_device_and_no_error():
    environment = os.environ | {"OCL_ICD_VENDORS": os.devnull, "OCL_ICD_FILENAMES": ""}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "2.0",
        "device opencl:0: backend 'opencl' cannot run here: no OpenCL platform offers a device",
        "Hint: install the driver of your device, or a platform for the CPU: pip install rustorch-opencl[pocl]",
    ]
