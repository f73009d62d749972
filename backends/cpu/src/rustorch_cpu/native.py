"""The compiled modules, and the choice of instruction set.

`_native`, which cffi made, and `_calls`, which is written for the interpreter, are one library, so that
the latter can call what the former declares.

``RUSTORCH_CPU_ISA=baseline|avx2|avx512|avx512_vnni|avx512_bf16|neon`` forces one; by default the widest that
the processor supports is used.  ``avx512_vnni`` is ``avx512`` with products of four int8 numbers at a time,
``avx512_bf16`` that with products of bfloat16 pairs where they are quicker.
The number of threads starts as the processors that are granted to the process.
"""

from __future__ import annotations

import os
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType

from rustorch_cpu import _native
from rustorch_cpu._native import ffi, lib
from rustorch_cpu.processors import most_threads

__all__ = ["calls", "ffi", "isa", "lib", "set_isa", "supported_isas"]


def _second_module(name: str) -> ModuleType:
    """Load a module from the library of `_native` (PEP 489, "multiple modules in one library")."""
    loader = ExtensionFileLoader(name, _native.__file__)
    module = module_from_spec(spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


calls = _second_module("rustorch_cpu._calls")


def _compiled_isas() -> list[str]:
    names = []
    while (name := lib.rt_isa_name(len(names))) != ffi.NULL:
        names.append(ffi.string(name).decode())
    return names


ISAS = _compiled_isas()


def supported_isas() -> list[str]:
    """Names of the instruction sets that are compiled in and that this processor can run, weakest first."""
    return [name for index, name in enumerate(ISAS) if lib.rt_isa_supported(index)]


def isa() -> str:
    """Name of the instruction set in use."""
    return ISAS[lib.rt_isa_current()]


def set_isa(name: str) -> None:
    """Use another instruction set from the next kernel call on; ValueError if it cannot run here."""
    if name not in ISAS or lib.rt_isa_select(ISAS.index(name)) != 0:
        raise ValueError(
            f"instruction set must be one of {', '.join(supported_isas())} on this machine, got {name!r}"
        )


lib.rt_follow_affinity(most_threads())
set_isa(os.environ.get("RUSTORCH_CPU_ISA") or supported_isas()[-1])
