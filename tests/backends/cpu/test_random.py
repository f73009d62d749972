"""Random numbers against known answers and against the reference backend's definition, bit by bit."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("each_isa")


def test_known_answer_of_the_authors(run):
    """Random123's kat_vectors: philox4x32-10 with counter 0 and key 0."""
    bits = run("random_bits", np.empty(4, np.int32), np.zeros(2, np.int64), kernel_dtype="int32")
    assert [f"{w:08x}" for w in bits.view(np.uint32)] == ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]


@pytest.mark.parametrize(("op", "dtype"), [
    ("random_bits", "int32"),
    ("random_uniform", "float16"), ("random_uniform", "float32"), ("random_uniform", "float64"),
    ("random_normal", "float32"), ("random_normal", "float64"),
])  # fmt: skip
@pytest.mark.parametrize("n", [0, 1, 3, 63, 64, 65, 5000, 100_003])
def test_same_bits_as_the_reference(run, op, dtype, n):
    reference = pytest.importorskip(
        "rustorch_reference.kernels.random", reason="rustorch-reference is not installed"
    )
    from types import SimpleNamespace

    from rustorch.shape import Shape

    def reference_view(array):
        shape = Shape(array.shape)
        storage = SimpleNamespace(buffer=array.view(np.uint8))
        dtype = SimpleNamespace(name=array.dtype.name, itemsize=array.itemsize)
        return SimpleNamespace(storage=storage, offset=0, shape=shape, strides=shape.strides, dtype=dtype)

    state = np.array([0x123456789ABCDEF, 2**32 - 3])
    out, expected = np.empty(n, dtype), np.empty(n, dtype)
    run(op, out, state, kernel_dtype=dtype)
    getattr(reference, op)(reference_view(expected), reference_view(state))
    assert out.tobytes() == expected.tobytes()


def test_the_normal_distribution_has_its_moments(run):
    z = run("random_normal", np.empty(200_000, np.float32), np.array([7, 0]), kernel_dtype="float32").astype(
        np.float64
    )
    moments = [np.mean(z**k) for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(moments, [0, 1, 0, 3], atol=0.05)
