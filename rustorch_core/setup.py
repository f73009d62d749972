"""The one compiled module of the core; everything else about the build is in pyproject.toml."""

from pathlib import Path

from setuptools import Extension, setup

CSRC = Path("csrc")

setup(
    ext_modules=[
        Extension(
            "rustorch._fastpath",
            sources=sorted(str(path) for path in CSRC.glob("*.c")),
            depends=sorted(str(path) for path in CSRC.glob("*.h")),
            extra_compile_args=["-std=gnu11", "-O2", "-fvisibility=hidden", "-Wall", "-Wextra"],
        )
    ]
)
