"""Compile the C sources into ``rustorch_cpu._native``.

- ``csrc/api/*.h`` and ``csrc/isa/api/*.h`` are the only declarations: C includes them, cffi parses them.
- ``csrc/*.c`` is compiled once; so is ``csrc/python/*.c``, which talks to the interpreter.
- ``csrc/isa/*.c`` is compiled once per instruction set.  Functions declared in ``csrc/isa/api`` get
  the suffix of their instruction set by a generated header of ``#define`` lines, and a generated
  trampoline of the plain name calls the variant that is in use.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
CSRC = ROOT / "csrc"

COMMON_FLAGS = [
    "-std=gnu11", "-O3", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra",
    "-fwrapv",             # integer arithmetic wraps, as in the array libraries
    "-fno-math-errno",     # lets sqrt, floor, ... become instructions
    "-fno-trapping-math",  # lets comparisons become selects
    "-fcx-fortran-rules",   # complex products without the rescue of infinities
    "-ffp-contract=off",   # fma only where the source says so: same bits on every target
]  # fmt: skip

X86_ISAS = {
    "baseline": [],
    "avx2": ["-mavx2", "-mfma", "-mf16c", "-mbmi2", "-mtune=haswell"],
    "avx512": [
        "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl",
        "-mfma", "-mf16c", "-mbmi2", "-mprefer-vector-width=512",
    ],
}  # fmt: skip
ARM_ISAS = {"baseline": [], "neon": []}

#: Instruction sets that differ from another in one source: name -> (the other, source, its further flags).
#: Weakest first; each may run the sources of those before it as well.
EXTENSIONS = {
    "avx512_vnni": ("avx512", "gemm_vnni", ["-mavx512vnni"]),
    "avx512_bf16": ("avx512", "gemm_bf16", ["-mavx512bf16"]),
}

#: Sources of an instruction set whose loops the compiler makes of shorter vectors: they wait for memory, which is
#: read more steadily so (Zen 4, sums of arrays in the last cache: 1.05 to 1.2).
SHORTER = {("avx512", "loops_float")}


def compiler() -> list[str]:
    """The C compiler, with flags if ``CC`` has any."""
    return shlex.split(os.environ.get("CC", "gcc"))


def target_isas() -> dict[str, list[str]]:
    """Instruction sets to build, weakest first, with their compiler flags.

    The compiler is asked what it compiles for, since it may be one for another machine.
    """
    machine = subprocess.run([*compiler(), "-dumpmachine"], capture_output=True, check=True, text=True).stdout
    if machine.startswith(("x86_64", "amd64")):
        return X86_ISAS
    return ARM_ISAS if machine.startswith(("aarch64", "arm64")) else {"baseline": []}


def variants(isas: Iterable[str]) -> dict[str, str]:
    """Names that users can choose, weakest first -> the instruction set whose functions they run."""
    isas = list(isas)
    return {isa: isa for isa in isas} | {n: base for n, (base, *_) in EXTENSIONS.items() if base in isas}


def extra_flags(isa: str, source: Path) -> list[str]:
    """Flags of one source beyond those of its instruction set."""
    shorter = ["-mprefer-vector-width=256"] if (isa, source.stem) in SHORTER else []
    return shorter + [
        f for base, stem, flags in EXTENSIONS.values() if (base, stem) == (isa, source.stem) for f in flags
    ]


class Function(NamedTuple):
    """One prototype of ``csrc/isa/api``."""

    result: str
    name: str
    parameters: str

    @property
    def arguments(self) -> str:
        """The parameter names alone, for the call in the trampoline."""
        if self.parameters.strip() == "void":
            return ""
        return ", ".join(re.search(r"(\w+)\W*$", p).group(1) for p in self.parameters.split(","))


def read_api(folder: Path) -> str:
    """All headers of a folder as one cffi cdef: preprocessor lines removed."""
    text = "\n".join(path.read_text() for path in sorted(folder.glob("*.h")))
    return re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)


def parse_functions(api: str) -> list[Function]:
    """The prototypes of an API text."""
    bare = re.sub(r"/\*.*?\*/", "", api, flags=re.DOTALL)
    found = re.findall(r"^(\w[\w \*]*?)\s*\b(rt_\w+)\s*\(([^;{]*?)\)\s*;", bare, flags=re.MULTILINE)
    return [Function(*parts) for parts in found]


def rename_header(functions: list[Function], isa: str) -> str:
    """A header that gives every per-target function the suffix of its target."""
    return "".join(f"#define {f.name} {f.name}_{isa}\n" for f in functions)


def trampolines(functions: list[Function], isas: dict[str, str]) -> str:
    """C source: each public name forwards to the variant of the instruction set in use."""
    lines = ['#include "isa.h"']
    lines += [f'#include "isa/api/{path.name}"' for path in sorted((CSRC / "isa/api").glob("*.h"))]
    for f in functions:
        lines += [f"{f.result} {f.name}_{isa}({f.parameters});" for isa in dict.fromkeys(isas.values())]
        table = ", ".join(f"{f.name}_{isa}" for isa in isas.values())
        lines.append(f"static __typeof__({f.name}) *const {f.name}_variants[] = {{{table}}};")
        call = f"{f.name}_variants[rt_isa_in_use]({f.arguments});"
        back = "" if f.result == "void" else "return "
        lines.append(f"{f.result} {f.name}({f.parameters}) {{ {back}{call} }}")
    names = ", ".join(f'"{isa}"' for isa in isas)
    lines.append(f"const char *const rt_isa_names[] = {{{names}, 0}};")
    return "\n".join(lines) + "\n"


def write_if_changed(path: Path, text: str) -> Path:
    """Keep the time stamp of an unchanged file, so that nothing is compiled twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return path


def is_current(target: Path, depfile: Path, made_by: str, folder: Path) -> bool:
    """Whether an object is newer than all files it was made from, by the same command run in the folder."""
    if not (target.exists() and depfile.exists()):
        return False
    stamp = target.with_suffix(".flags")
    if not stamp.exists() or stamp.read_text() != made_by:
        return False
    inputs = depfile.read_text().replace("\\\n", " ").split(":", 1)[1].split()
    made = target.stat().st_mtime
    return all((folder / i).exists() and (folder / i).stat().st_mtime <= made for i in inputs)


class BuildNative(build_ext):
    """``build_ext`` that compiles the C sources per instruction set and links them with cffi's glue."""

    def build_extension(self, ext) -> None:
        """Build the one extension of this distribution."""
        work = Path(self.build_temp).resolve()
        isas = target_isas()
        per_target = read_api(CSRC / "isa/api")
        functions = parse_functions(per_target)

        jobs: list[tuple[Path, Path, list[str]]] = []
        glue = self._emit_cffi(work / "_native.c", read_api(CSRC / "api") + per_target)
        jobs.append((glue, work / "_native.o", self._python_flags()))
        table = write_if_changed(work / "trampolines.c", trampolines(functions, variants(isas)))
        jobs.append((table, work / "trampolines.o", []))
        jobs += [(c, work / f"{c.stem}.o", []) for c in sorted(CSRC.glob("*.c"))]
        interpreter = [f"-I{path}" for path in self.include_dirs]
        jobs += [(c, work / "python" / f"{c.stem}.o", interpreter) for c in sorted(CSRC.glob("python/*.c"))]
        for isa, flags in isas.items():
            names = write_if_changed(work / f"names_{isa}.h", rename_header(functions, isa))
            extra = [*flags, f"-DRT_ISA={isa}", f"-DRT_ISA_{isa.upper()}=1", "-include", names.name]
            jobs += [
                (c, work / isa / f"{c.stem}.o", [*extra, *extra_flags(isa, c)])
                for c in sorted((CSRC / "isa").glob("*.c"))
            ]

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            objects = list(pool.map(lambda job: self._compile(work, *job), jobs))
        target = Path(self.get_ext_fullpath(ext.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        flags = self._sanitize() or [
            "-s"
        ]  # names that nothing is looked up by would be a twentieth of the file
        link = ["-shared", "-pthread", *flags, *map(str, objects), "-lm", "-o", str(target)]
        subprocess.run([*compiler(), *link], check=True)

    def _compile(self, work: Path, source: Path, target: Path, extra: list[str]) -> Path:
        # Generated headers are named without the folder, which pip makes anew each time: a compiler cache then
        # sees the command that it knows.
        command = [*compiler(), *COMMON_FLAGS, *self._sanitize(), f"-I{CSRC}", "-pthread", *extra]
        depfile, made_by = target.with_suffix(".d"), " ".join(command)
        if not is_current(target, depfile, made_by, work):
            target.parent.mkdir(parents=True, exist_ok=True)
            command += ["-MMD", "-MF", str(depfile), "-c", str(source), "-o", str(target)]
            subprocess.run(command, check=True, cwd=work)
            target.with_suffix(".flags").write_text(made_by)
        return target

    @staticmethod
    def _sanitize() -> list[str]:
        """Flags of a debug build: RUSTORCH_CPU_SANITIZE=address,undefined."""
        kinds = os.environ.get("RUSTORCH_CPU_SANITIZE")
        return [f"-fsanitize={kinds}", "-g", "-fno-omit-frame-pointer"] if kinds else []

    def _python_flags(self) -> list[str]:
        # cffi's generated glue has unused things; its warnings are not ours to fix.
        return [f"-I{path}" for path in self.include_dirs] + ["-Wno-unused", "-Wno-unused-parameter"]

    @staticmethod
    def _emit_cffi(path: Path, cdef: str) -> Path:
        from cffi import FFI

        ffi = FFI()
        ffi.cdef(cdef)
        includes = [
            f'#include "{p.relative_to(CSRC)}"'
            for p in sorted(CSRC.glob("api/*.h")) + sorted(CSRC.glob("isa/api/*.h"))
        ]
        ffi.set_source("rustorch_cpu._native", "\n".join(includes))
        path.parent.mkdir(parents=True, exist_ok=True)
        ffi.emit_c_code(str(path))  # writes only if the text changed
        return path
