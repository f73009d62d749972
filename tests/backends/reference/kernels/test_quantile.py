import math
import statistics

import numpy as np

from rustorch_reference.kernels.quantile import log, normal_quantile


def test_log_is_accurate_to_two_units():
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [rng.random(2000), 2.0 ** rng.uniform(-1070, 1020, 2000), [1.0, 0.5, math.sqrt(0.5), 1 - 2**-53]]
    )
    np.testing.assert_allclose(log(x), [math.log(v) for v in x], rtol=2.0**-51)


def test_quantile_of_every_range():
    u = [
        2.0**-33,
        1e-300,
        1e-20,
        1e-11,
        1e-5,
        0.02,
        0.074999,
        0.075,
        0.0750001,
        0.3,
        0.5,
        0.7,
        0.925,
        0.93,
        1 - 2**-53,
    ]
    expected = [statistics.NormalDist().inv_cdf(x) for x in u]
    np.testing.assert_allclose(normal_quantile(np.array(u)), expected, rtol=1e-14)


def test_quantile_is_odd():
    u = np.arange(1, 1024) / 1024
    assert (normal_quantile(1 - u) == -normal_quantile(u)).all()


def test_known_bits_in_every_range():
    """The bits are the contract: they were computed with Python floats, from the definition."""
    u = [2.0**-33, 1e-20, 1e-11, 0.02, 0.075, 0.3, 0.7, 0.93]
    assert [z.hex() for z in normal_quantile(np.array(u)).tolist()] == [
        "-0x1.95a1198fcf3d5p+2",
        "-0x1.2865170b43a4bp+3",
        "-0x1.ad2f7bbec4805p+2",
        "-0x1.06e13e8aadfdbp+1",
        "-0x1.7085226d3e523p+0",
        "-0x1.0c7e39582c5fap-1",
        "0x1.0c7e39582c5fap-1",
        "0x1.79cd70d9c27f3p+0",
    ]
