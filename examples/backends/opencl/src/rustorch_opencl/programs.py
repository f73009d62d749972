"""Compiling OpenCL C: each program once per device, at its first use."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import pyopencl as cl

from rustorch_opencl.types import TYPES

if TYPE_CHECKING:
    from rustorch_opencl.runtime import OpenCLRuntime


class Program:
    """The text of some kernels: definitions, the prelude, then files of the folder `source`."""

    def __init__(self, *files: str, **definitions: object) -> None:
        self._files = ("prelude.cl", *files)
        self._definitions = definitions
        self._kernels: dict[tuple[OpenCLRuntime, str], cl.Kernel] = {}

    @property
    def text(self) -> str:
        """The source."""
        folder = resources.files("rustorch_opencl") / "source"
        lines = [f"#define {name} {value}" for name, value in self._definitions.items()]
        return "\n".join(lines + [(folder / name).read_text() for name in self._files])

    def kernel(self, runtime: OpenCLRuntime, name: str) -> cl.Kernel:
        """Return one kernel for a device."""
        key = (runtime, name)
        found = self._kernels.get(key)
        if found is None:
            with runtime.lock:
                # the driver keeps what it compiled; a second cache would only add a copy
                built = cl.Program(runtime.context, self.text).build(runtime.build_options, cache_dir=False)
                for kernel in built.all_kernels():
                    self._kernels[runtime, kernel.function_name] = kernel
            found = self._kernels[key]
        return found


def computing_in(dtype: str) -> dict[str, object]:
    """Return the definitions of a program that computes in a dtype: T, U, and what depends on them."""
    t = TYPES[dtype]
    found: dict[str, object] = {"T": t.computed, "U": t.unsigned, "LOWEST": t.lowest, "HIGHEST": t.highest}
    return found if t.kind == "float" else found | {"INTEGER": 1}
