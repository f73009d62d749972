"""tanh and erf by rational and polynomial approximation: their decompositions.

Near 0 both are ``x + x R(x^2)``, which keeps the relative error small for the smallest arguments;
further out they are 1 less something made of ``exp``, which must not be exact.
"""

from __future__ import annotations

from typing import Any

from rustorch import dtypes
from rustorch.ops.double_word import horner
from rustorch.ops.select import where

# Moshier, Cephes Mathematical Library, tanh.c; after Cody and Waite, "Software Manual for the Elementary
# Functions", 1980.  For |x| < 0.625.
_TANH = (
    (-9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3),
    (1.0, 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3),
)


def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent, within 2 units in the last place."""
    if x.dtype.itemsize == 2:
        return tanh(x.to(dtypes.float32)).to(x.dtype)
    z = x * x
    near = x + x * (z * horner(_TANH[0], z) / horner(_TANH[1], z))
    below = x < 0
    far = 1.0 - 2.0 / (where(below, x * -2.0, x * 2.0).exp() + 1.0)
    found = where(z < 0.625**2, near, where(below, -far, far))
    return where(x == 0, x, found)  # -0.0 stays what it is


# float32: minimax polynomials, fitted by Lawson's algorithm (1961) with weights for the relative error of erf.
# Near 0: erf(x) = x + x P(x^2).  Further out: erf(x) = 1 - exp(-x + x P(x)).
_ERF32_NEAR = (
    -5.96579997e-4, 4.98830692e-3, -2.67633298e-2, 1.12817267e-1, -3.76124853e-1, 1.28379148e-1,
)  # fmt: skip
_ERF32_FAR = (
    -1.12314191e-5, 3.22804949e-4, -3.6424633e-3, 2.37620716e-2, -1.06236887e-1, -6.35151311e-1, -1.28648492e-1,
)  # fmt: skip


def erf(x: Any) -> Any:
    """Return the error function, within 2 units in the last place."""
    if x.dtype.itemsize == 2:
        return erf(x.to(dtypes.float32)).to(x.dtype)
    size = x.abs()
    if x.dtype is dtypes.float64:
        return _erf64(x, size)
    near = x + x * horner(_ERF32_NEAR, x * x)
    t = where(size < 4.0, size, 4.0)  # from there on it is 1, and the polynomial is not meant for more
    far = 1.0 - (t * horner(_ERF32_FAR, t) - t).exp()
    return where(size > 0.9277, where(x < 0, -far, far), near)


# float64: Sun Microsystems' s_erf.c of FreeBSD's msun, 1993; pairs of numerator and denominator.
_ERF_TO_084 = (  # erf(x) = x + x P(x^2) / Q(x^2)
    (
        -2.37630166566501626084e-05, -5.77027029648944159157e-03, -2.84817495755985104766e-02,
        -3.25042107247001499370e-01, 1.28379167095512558561e-01,
    ),
    (
        -3.96022827877536812320e-06, 1.32494738004321644526e-04, 5.08130628187576562776e-03,
        6.50222499887672944485e-02, 3.97917223959155352819e-01, 1.0,
    ),
)  # fmt: skip
_ERF_AT_1 = 8.45062911510467529297e-01
_ERF_TO_125 = (  # erf(x) = 0.845... + P(|x| - 1) / Q(|x| - 1)
    (
        -2.16637559486879084300e-03, 3.54783043256182359371e-02, -1.10894694282396677476e-01,
        3.18346619901161753674e-01, -3.72207876035701323847e-01, 4.14856118683748331666e-01,
        -2.36211856075265944077e-03,
    ),
    (
        1.19844998467991074170e-02, 1.36370839120290507362e-02, 1.26171219808761642112e-01,
        7.18286544141962662868e-02, 5.40397917702171048937e-01, 1.06420880400844228286e-01, 1.0,
    ),
)  # fmt: skip
_ERFC_TO_286 = (  # erf(x) = 1 - exp(-x^2 - 0.5625 + P(1 / x^2) / Q(1 / x^2)) / x
    (
        -9.81432934416914548592e+00, -8.12874355063065934246e+01, -1.84605092906711035994e+02,
        -1.62396669462573470355e+02, -6.23753324503260060396e+01, -1.05586262253232909814e+01,
        -6.93858572707181764372e-01, -9.86494403484714822705e-03,
    ),
    (
        -6.04244152148580987438e-02, 6.57024977031928170135e+00, 1.08635005541779435134e+02,
        4.29008140027567833386e+02, 6.45387271733267880336e+02, 4.34565877475229228821e+02,
        1.37657754143519042600e+02, 1.96512716674392571292e+01, 1.0,
    ),
)  # fmt: skip
_ERFC_TO_6 = (  # the same, further out
    (
        -4.83519191608651397019e+02, -1.02509513161107724954e+03, -6.37566443368389627722e+02,
        -1.60636384855821916062e+02, -1.77579549177547519889e+01, -7.99283237680523006574e-01,
        -9.86494292470009928597e-03,
    ),
    (
        -2.24409524465858183362e+01, 4.74528541206955367215e+02, 2.55305040643316442583e+03,
        3.19985821950859553908e+03, 1.53672958608443695994e+03, 3.25792512996573918826e+02,
        3.03380607434824582924e+01, 1.0,
    ),
)  # fmt: skip


def _quotient(polynomials: tuple[tuple[float, ...], tuple[float, ...]], x: Any) -> Any:
    return horner(polynomials[0], x) / horner(polynomials[1], x)


def _erf64(x: Any, size: Any) -> Any:
    near = x + x * _quotient(_ERF_TO_084, x * x)
    middle = _ERF_AT_1 + _quotient(_ERF_TO_125, size - 1.0)
    t = where(size < 1.25, 1.25, where(size < 6.0, size, 6.0))
    inverse = 1.0 / (t * t)
    ratio = where(t < 1.0 / 0.35, _quotient(_ERFC_TO_286, inverse), _quotient(_ERFC_TO_6, inverse))
    far = 1.0 - (ratio - 0.5625 - t * t).exp() / t
    beyond = where(size < 1.25, middle, far)
    return where(size >= 0.84375, where(x < 0, -beyond, beyond), near)
