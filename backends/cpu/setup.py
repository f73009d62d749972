"""Build hook: metadata lives in pyproject.toml, the native module in native_build.py."""

import sys
from pathlib import Path

from setuptools import Extension, setup

sys.path.insert(0, str(Path(__file__).parent))  # PEP 517 front ends do not put it there
from native_build import BuildNative

setup(
    ext_modules=[Extension("rustorch_cpu._native", sources=[])],
    cmdclass={"build_ext": BuildNative},
)
