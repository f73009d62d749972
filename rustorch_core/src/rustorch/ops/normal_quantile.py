"""The quantile function of the standard normal distribution, with a fixed order of operations.

Algorithm AS 241 (PPND16): Wichura, "The percentage points of the normal distribution", Applied
Statistics 37 (1988).  It is written on float64 ``+ - * /`` and ``sqrt`` alone, so that it rounds
alike on every backend.
"""

from __future__ import annotations

from typing import Any

from rustorch.ops.select import where

_CENTRAL = (
    [
        2.5090809287301226727e3,
        3.3430575583588128105e4,
        6.7265770927008700853e4,
        4.5921953931549871457e4,
        1.3731693765509461125e4,
        1.9715909503065514427e3,
        1.3314166789178437745e2,
        3.3871328727963666080e0,
    ],
    [
        5.2264952788528545610e3,
        2.8729085735721942674e4,
        3.9307895800092710610e4,
        2.1213794301586595867e4,
        5.3941960214247511077e3,
        6.8718700749205790830e2,
        4.2313330701600911252e1,
        1.0,
    ],
)
_MIDDLE = (
    [
        7.74545014278341407640e-4,
        2.27238449892691845833e-2,
        2.41780725177450611770e-1,
        1.27045825245236838258e0,
        3.64784832476320460504e0,
        5.76949722146069140550e0,
        4.63033784615654529590e0,
        1.42343711074968357734e0,
    ],
    [
        1.05075007164441684324e-9,
        5.47593808499534494600e-4,
        1.51986665636164571966e-2,
        1.48103976427480074590e-1,
        6.89767334985100004550e-1,
        1.67638483018380384940e0,
        2.05319162663775882187e0,
        1.0,
    ],
)
_TAIL = (
    [
        2.01033439929228813265e-7,
        2.71155556874348757815e-5,
        1.24266094738807843860e-3,
        2.65321895265761230930e-2,
        2.96560571828504891230e-1,
        1.78482653991729133580e0,
        5.46378491116411436990e0,
        6.65790464350110377720e0,
    ],
    [
        2.04426310338993978564e-15,
        1.42151175831644588870e-7,
        1.84631831751005468180e-5,
        7.86869131145613259100e-4,
        1.48753612908506148525e-2,
        1.36929880922735805310e-1,
        5.99832206555887937690e-1,
        1.0,
    ],
)

# log(2) in two parts; the first has trailing zeros, so that its product with an exponent is exact.
_LN2_HI = 6.93147180369123816490e-01
_LN2_LO = 1.90821492927058770002e-10
_SQRT_HALF = 0.70710678118654752440
_ATANH_SERIES = [1.0 / k for k in range(21, 0, -2)]


def normal_quantile(u: Any) -> Any:
    """Return z such that a standard normal variable is below z with probability `u` (float64, in (0, 1))."""
    q = u - 0.5
    central = _quotient(_CENTRAL, 0.180625 - q * q, times=q)
    r = (-_log(u.minimum(1.0 - u))).sqrt()
    outer = where(r <= 5.0, _quotient(_MIDDLE, r - 1.6), _quotient(_TAIL, r - 5.0))
    return where(q.abs() <= 0.425, central, where(q < 0, -outer, outer))


def _log(x: Any) -> Any:
    """Return the natural logarithm of x in [2^-63, 1): that of ``m * 2**e`` is ``e log 2 + 2 atanh s``."""
    m, e = x, x * 0.0
    for k in (32, 16, 8, 4, 2, 1):  # m in [1/2, 1); multiplying by a power of two is exact
        small = m < 2.0**-k
        m, e = where(small, m * 2.0**k, m), where(small, e - k, e)
    low = m < _SQRT_HALF  # moved to [sqrt(1/2), sqrt(2))
    m, e = where(low, 2.0 * m, m), where(low, e - 1, e)
    s = (m - 1.0) / (m + 1.0)
    series = 2.0 * s * _horner(_ATANH_SERIES, s * s)
    return e * _LN2_HI + (series + e * _LN2_LO)


def _quotient(polynomials: tuple[list[float], list[float]], r: Any, times: Any = None) -> Any:
    """Return ``times * P(r) / Q(r)``."""
    numerator, denominator = (_horner(p, r) for p in polynomials)
    return (numerator if times is None else times * numerator) / denominator


def _horner(coefficients: list[float], x: Any) -> Any:
    """Evaluate a polynomial, highest power first."""
    total = x * coefficients[0] + coefficients[1]
    for coefficient in coefficients[2:]:
        total = total * x + coefficient
    return total
