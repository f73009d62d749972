"""Write csrc/isa/math_f32_tables.h: polynomials of functions on 16 intervals, for registers that are tables.

    python generate_tables.py && tox run -e format

Needs NumPy and SciPy.  Each interval has a polynomial in the distance from its middle, fitted to the relative error
at Chebyshev points in float64.  The constant term is rounded first, and the others make up for it where they can.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.special import erfc, expit

TARGET = Path(__file__).parent / "csrc" / "isa" / "math_f32_tables.h"
INTERVALS = 16
POINTS = 400

HEADER = """\
/* Coefficients of polynomials on 16 intervals, one row per power, the constant first.
 * Written by generate_tables.py.  Do not edit. */
#pragma once
"""


def polynomial(f: Callable[[np.ndarray], np.ndarray], middle: float, half: float, degree: int) -> np.ndarray:
    """Return float32 coefficients of f(middle + d) for |d| <= half."""
    points = half * np.cos(np.pi * (np.arange(POINTS) + 0.5) / POINTS)
    points = points[middle + points > 0]
    value = f(middle + points)
    weight = 1 / value
    coefficients = np.zeros(degree + 1, np.float32)
    coefficients[0] = f(np.array([middle]))[0]
    for power in range(1, degree + 1):  # round one, fit the rest to what is left
        powers = np.arange(power, degree + 1)
        rest = value - np.polynomial.polynomial.polyval(points, coefficients.astype(np.float64))
        scaled = (points / half)[:, None] ** powers
        found = np.linalg.lstsq(scaled * weight[:, None], rest * weight, rcond=None)[0] / half**powers
        coefficients[power] = found[0]
    return coefficients


def table(name: str, f: Callable[[np.ndarray], np.ndarray], width: float, degree: int) -> str:
    """Return the rows of a function whose intervals have the middles 0, width, 2 width, ..."""
    middles = np.arange(INTERVALS) * width
    columns = [polynomial(f, float(middle), 0.5 * width, degree) for middle in middles]
    lines = [f"static const float {name}[{degree + 1}][{INTERVALS}] __attribute__((aligned(64))) = {{"]
    for row in np.array(columns).T:
        numbers = [f"{x:.9g}" for x in row]
        numbers = [x + ("f" if "." in x or "e" in x else ".0f") for x in numbers]
        lines += ["    {"]
        lines += ["     " + ", ".join(numbers[i : i + 8]) + "," for i in range(0, INTERVALS, 8)]
        lines[-1] = lines[-1][:-1] + "},"
    return "\n".join([*lines, "};", ""])


def main() -> None:
    """Write the header."""
    text = [
        HEADER,
        "/* The normal distribution's upper tail. */",
        table("vf_normal_tail_table", lambda t: 0.5 * erfc(t * np.sqrt(0.5)), 0.3125, 7),
        table("vf_tanh_table", np.tanh, 0.625, 7),
        "/* Of negative numbers. */",
        table("vf_sigmoid_table", lambda t: expit(-t), 0.625, 6),
    ]
    TARGET.write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
