"""Every generated source compiles for the cards that are sold, with the compiler that runs on them."""

from __future__ import annotations

import pytest
from every_source import sources

from rustorch_cuda.program import PLATFORM, THREADS

nvrtc = pytest.importorskip(
    "cupy_backends.cuda.libs.nvrtc", reason="NVRTC is not installed (nvidia-cuda-nvrtc)"
)

SOURCES = sources()
ARCHITECTURES = ("sm_80", "sm_90")


def compile_for(architecture: str, text: str) -> bytes:
    program = nvrtc.createProgram(PLATFORM + text, "kernels.cu", [], [])
    try:
        nvrtc.compileProgram(program, (f"-arch={architecture}", "--std=c++17", f"-DTHREADS={THREADS}"))
    except Exception as error:
        raise AssertionError(nvrtc.getProgramLog(program)) from error
    return nvrtc.getCUBIN(program)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("op", SOURCES)
def test_one_dtype_of_every_op(op: str, architecture: str) -> None:
    texts = SOURCES[op]
    dtype = "float32" if "float32" in texts else next(iter(texts))
    assert compile_for(architecture, texts[dtype]).startswith(b"\x7fELF")


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("op", "dtype"), [(op, dtype) for op in SOURCES for dtype in SOURCES[op]])
def test_every_dtype_of_every_op(op: str, dtype: str, architecture: str) -> None:
    assert compile_for(architecture, SOURCES[op][dtype]).startswith(b"\x7fELF")


def test_a_wrong_source_is_refused() -> None:
    with pytest.raises(AssertionError, match="error"):
        compile_for("sm_90", 'extern "C" __global__ void wrong(float *x) { x = undefined; }')
