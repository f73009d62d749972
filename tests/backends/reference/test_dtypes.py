import ml_dtypes
import numpy as np

from rustorch_reference.dtypes import ALL, NUMPY, WIDE, odd_float32, truncate


def test_every_dtype_is_known():
    assert len(ALL) == 12
    assert set(NUMPY) == set(WIDE) == set(ALL)
    assert NUMPY["bfloat16"] == ml_dtypes.bfloat16


def test_truncate_keeps_the_ends_of_int64():
    x = [-(2.0**63), np.nextafter(2.0**63, 0), 2.0**63, -1e300, np.nan, -0.5, 1.99]
    low = -(2**63)
    assert truncate(np.array(x)).tolist() == [low, 2**63 - 1024, low, low, low, 0, 1]


def test_odd_float32_marks_what_it_loses():
    x = np.array([1.0, 1 + 2.0**-40, -1 - 2.0**-40, 1e300, 1e-300, -np.inf, 0.0])
    top = float(np.finfo(np.float32).max)
    expected = [1.0, 1 + 2.0**-23, -1 - 2.0**-23, top, 2.0**-149, -np.inf, 0.0]
    with np.errstate(over="ignore"):
        assert odd_float32(x).tolist() == expected
    assert np.isnan(odd_float32(np.array([np.nan])))
