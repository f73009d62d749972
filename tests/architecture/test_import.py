"""What `import rustorch` pulls in, seen from a fresh interpreter."""

import json
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

#: Loaded on use only: other frameworks and drivers, transports, drawing, formats, progress bars.
ON_USE = ("torch", "cupy", "cffi", "mpi4py", "matplotlib", "safetensors", "ml_dtypes", "tqdm", "pytest")


def modules_after(statement):
    """Return the modules that a statement loads in a fresh interpreter."""
    code = (
        "import sys, json; before = set(sys.modules)\n"
        f"{statement}\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert not run.stderr
    return set(json.loads(run.stdout))


@pytest.fixture(scope="module")
def loaded():
    return modules_after("import rustorch")


@pytest.mark.parametrize("name", ON_USE)
def test_import_leaves_what_is_used_later(loaded, name):
    assert name not in loaded


def test_import_loads_no_plugin(loaded):
    installed = {point.module.partition(".")[0] for point in entry_points(group="rustorch.plugins")}
    assert installed, "no plugin is installed, so there is nothing to see"
    assert not loaded & (installed | {"rustorch_cpu", "rustorch_reference"})


def test_the_first_op_loads_the_kernels_of_its_own_device_only():
    """Plugins of other devices are asked what they have, which must not cost a user of this one half a second."""
    found = modules_after("import rustorch; rustorch.ones(3, device='cpu') + 1")
    assert "rustorch_cpu.kernels" in found
    others = {name for name in found if ".kernels" in name and not name.startswith("rustorch_cpu")}
    assert not others
    assert not found & {"ml_dtypes", "torch", "mlx.core", "pyopencl", "cupy"}
