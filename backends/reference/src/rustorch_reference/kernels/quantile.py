"""The quantile function of the standard normal distribution, with a fixed order of operations."""

from __future__ import annotations

import numpy as np

# Algorithm AS 241 (PPND16): Wichura, "The percentage points of the normal distribution",
# Applied Statistics 37 (1988).  Per range a numerator and a denominator, highest power first.
CENTRAL = (
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
MIDDLE = (
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
TAIL = (
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
LN2_HI = 6.93147180369123816490e-01
LN2_LO = 1.90821492927058770002e-10
SQRT_HALF = 0.70710678118654752440
ATANH_SERIES = [1.0 / k for k in range(21, 0, -2)]


def normal_quantile(u: np.ndarray) -> np.ndarray:
    """Return z such that a standard normal variable is below z with probability `u`."""
    q = u - 0.5
    central = quotient(CENTRAL, 0.180625 - q * q, times=q)
    r = np.sqrt(-log(np.minimum(u, 1.0 - u)))
    outer = np.where(r <= 5.0, quotient(MIDDLE, r - 1.6), quotient(TAIL, r - 5.0))
    return np.where(np.abs(q) <= 0.425, central, np.copysign(outer, q))


def log(x: np.ndarray) -> np.ndarray:
    """Natural logarithm of positive numbers: that of ``m * 2**e`` is ``e log 2 + 2 atanh s``."""
    m, e = np.frexp(x)  # m in [1/2, 1), moved to [sqrt(1/2), sqrt(2))
    m, e = np.where(m < SQRT_HALF, 2.0 * m, m), np.where(m < SQRT_HALF, e - 1, e)
    s = (m - 1.0) / (m + 1.0)
    series = 2.0 * s * horner(ATANH_SERIES, s * s)
    return e * LN2_HI + (series + e * LN2_LO)


def quotient(
    polynomials: tuple[list[float], list[float]], r: np.ndarray, times: np.ndarray | float = 1.0
) -> np.ndarray:
    """Return ``times * P(r) / Q(r)``."""
    numerator, denominator = polynomials
    return times * horner(numerator, r) / horner(denominator, r)


def horner(coefficients: list[float], x: np.ndarray) -> np.ndarray:
    """Evaluate a polynomial, highest power first."""
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total
