import math
import statistics

import numpy as np
import pytest

from rustorch_reference.dtypes import FLOATS, NUMPY
from rustorch_reference.kernels.random import philox

MASK = 0xFFFFFFFF


@pytest.mark.parametrize(  # from the file kat_vectors of the Random123 library
    ("counter", "key", "expected"),
    [
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([MASK] * 4, [MASK] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_philox_known_answers(counter, key, expected):
    assert philox(np.array(counter), np.array(key)).tolist() == expected


def philox_in_python(counter, key):
    """Compute one block with Python integers."""
    c, k = list(counter), list(key)
    for _ in range(10):
        p, q = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [q >> 32 ^ c[1] ^ k[0], q & MASK, p >> 32 ^ c[3] ^ k[1], p & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def stream(seed, offset, count):
    """Return the first `count` words of a stream, by its definition."""
    words = []
    for block in range((count + 3) // 4):
        at = (offset + block) % 2**64
        words += philox_in_python([at & MASK, at >> 32, 0, 0], [seed & MASK, seed >> 32 & MASK])
    return words[:count]


STATES = [(0, 0), (1, 0), (0, 1), (67280421310721, 12345), (-1, -1), (-(2**63), 2**32 - 1)]


@pytest.mark.parametrize(("seed", "offset"), STATES)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (4,), (9,), (2, 3)])
def test_random_bits(call, seed, offset, shape):
    got = call("random_bits", np.array([seed, offset]), shape=shape, dtype="int32")
    expected = stream(seed, offset, math.prod(shape))
    assert np.ravel(got).view(np.uint32).tolist() == expected


def test_a_later_offset_continues_the_stream(call_contiguous):
    whole = call_contiguous("random_bits", np.array([7, 0]), shape=(40,), dtype="int32")
    later = call_contiguous("random_bits", np.array([7, 6]), shape=(16,), dtype="int32")
    assert (whole[24:] == later).all()


@pytest.mark.parametrize(("dtype", "bits"), [("float16", 11), ("bfloat16", 8), ("float32", 24)])
@pytest.mark.parametrize(("seed", "offset"), STATES)
def test_random_uniform_of_one_word(call, rounded, same, seed, offset, dtype, bits):
    expected = [(word >> (32 - bits)) * 2.0**-bits for word in stream(seed, offset, 15)]
    got = call("random_uniform", np.array([seed, offset]), shape=(3, 5), dtype=dtype)
    same(got, rounded(expected, dtype).reshape(3, 5))


def words53(seed, offset, count):
    words = stream(seed, offset, 2 * count)
    return [(words[2 * i] >> 5) * 2**26 + (words[2 * i + 1] >> 6) for i in range(count)]


@pytest.mark.parametrize(("seed", "offset"), STATES)
def test_random_uniform_of_two_words(call, same, seed, offset):
    got = call("random_uniform", np.array([seed, offset]), shape=(7,), dtype="float64")
    same(got, np.array([v * 2.0**-53 for v in words53(seed, offset, 7)]))


@pytest.mark.parametrize(("seed", "offset"), STATES)
def test_random_normal_is_the_quantile_of_a_uniform_number(call, seed, offset):
    quantile = statistics.NormalDist().inv_cdf
    state = np.array([seed, offset])
    got = call("random_normal", state, shape=(15,), dtype="float32")
    expected = [quantile((word + 0.5) * 2.0**-32) for word in stream(seed, offset, 15)]
    np.testing.assert_allclose(got, np.array(expected, np.float32), rtol=2**-23)
    got = call("random_normal", state, shape=(15,), dtype="float64")
    expected = [quantile((v >> 1) * 2.0**-52 + 2.0**-53) for v in words53(seed, offset, 15)]
    np.testing.assert_allclose(got, expected, rtol=1e-14)


def test_known_normal_numbers(call_contiguous):
    """The bits are the contract: they were computed with Python floats, from the definition."""
    got = call_contiguous("random_normal", np.array([0, 0]), shape=(4,), dtype="float64")
    assert [x.hex() for x in got.tolist()] == [
        "-0x1.05f49ee60be53p-2",
        "0x1.42a76ecf15c80p-1",
        "0x1.ea308c8c15592p+0",
        "0x1.03989d5d5de59p-1",
    ]


@pytest.mark.parametrize("dtype", sorted(FLOATS))
def test_uniform_stays_below_one(call_contiguous, dtype):
    drawn = call_contiguous("random_uniform", np.array([1, 0]), shape=(20_000,), dtype=dtype)
    assert drawn.astype(np.float64).max() < 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_moments(call_contiguous, dtype):
    state, n = np.array([42, 0]), 100_000
    uniform = call_contiguous("random_uniform", state, shape=(n,), dtype=dtype)
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.005
    normal = call_contiguous("random_normal", state, shape=(n,), dtype=dtype)
    assert normal.dtype == NUMPY[dtype]
    assert abs(normal.mean()) < 0.01
    assert abs(normal.std() - 1) < 0.01
