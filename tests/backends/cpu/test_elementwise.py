"""Elementwise kernels against NumPy: every dtype, tails, strides, broadcasting, aliasing, edge values."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytestmark = [pytest.mark.usefixtures("each_isa"), pytest.mark.filterwarnings("ignore::RuntimeWarning")]

INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]
FLOATS = ["float16", "float32", "float64"]
COMPLEX = ["complex64", "complex128"]

erf = np.vectorize(math.erf, otypes=[np.float64])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


#: op -> (reference in float64, units in the last place allowed in float32, in float64)
TRANSCENDENTAL = {
    "exp": (np.exp, 1.5, 2),
    "exp2": (np.exp2, 1.5, 2),
    "expm1": (np.expm1, 2, 2),
    "log": (np.log, 1.5, 3),
    "log2": (np.log2, 2.5, 2),
    "log10": (np.log10, 2.5, 3),
    "log1p": (np.log1p, 2, 2),
    "sin": (np.sin, 1, 2),
    "cos": (np.cos, 1, 2),
    "tanh": (np.tanh, 2, 3),
    "erf": (erf, 1.5, 2),
    "sigmoid": (sigmoid, 2.5, 4),
    "tan": (np.tan, 1, 2),
    "asin": (np.arcsin, 1, 2),
    "acos": (np.arccos, 1, 2),
    "atan": (np.arctan, 1, 2),
    "sinh": (np.sinh, 2.5, 2),
    "cosh": (np.cosh, 2.5, 2),
    "sqrt": (np.sqrt, 0.51, 1),
    "rsqrt": (lambda x: 1 / np.sqrt(x), 1.6, 2),
}


def hard_values(dtype):
    """Every exponent and sign, denormals, and what the formats have beyond numbers."""
    rng = np.random.default_rng(5)
    unsigned = {"float32": np.uint32, "float64": np.uint64}[dtype]
    anywhere = rng.integers(0, np.iinfo(unsigned).max, 6000, dtype=unsigned).view(dtype)
    edges = [0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 1e-40, -1e-40, 88.7, -103.9, 709.7, -745.1, 3.4e38]
    with np.errstate(over="ignore"):
        return np.concatenate([anywhere, rng.normal(size=3000) * 4, rng.uniform(-1, 2, 3000), edges]).astype(
            dtype
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", TRANSCENDENTAL)
def test_units_in_the_last_place(run, op, dtype):
    reference, *allowed = TRANSCENDENTAL[op]
    x = hard_values(dtype)
    got, exact = run(op, np.empty_like(x), x), reference(x.astype(np.float64))
    expected = exact.astype(dtype)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    finite = np.isfinite(expected) & np.isfinite(got)
    odd = ~finite & ~np.isnan(expected)
    np.testing.assert_array_equal(got[odd], expected[odd])
    error = np.abs(got[finite].astype(np.float64) - exact[finite]) / np.spacing(np.abs(expected[finite]))
    worst = error.argmax()
    assert error[worst] <= allowed[dtype == "float64"], f"{error[worst]} at {x[finite][worst]!r}"


GELU = {
    "none": lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))),
    "tanh": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations_and_their_derivatives(run, random, dtype):
    x, g = (random.normal(size=500).astype(dtype) * 4 for _ in range(2))
    wide, h = x.astype(np.float64), 1e-6
    s = sigmoid(wide)
    close = {"rtol": 1e-5, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-7, "atol": 1e-7}

    def check(op, expected, *inputs, **attributes):
        np.testing.assert_allclose(run(op, np.empty_like(x), *inputs, **attributes), expected, **close)

    def slope(f):
        return (f(wide + h) - f(wide - h)) / (2 * h)

    check("silu", wide * s, x)
    check("silu_backward", g * slope(lambda v: v * sigmoid(v)), g, x)
    for approximate, f in GELU.items():
        check("gelu", f(wide), x, approximate=approximate)
        check("gelu_backward", g * slope(f), g, x, approximate=approximate)
    check("relu", np.maximum(wide, 0), x)
    check("leaky_relu", np.where(wide > 0, wide, 0.1 * wide), x, negative_slope=0.1)
    check("leaky_relu_backward", np.where(wide > 0, g, 0.1 * g), g, x, negative_slope=0.1)
    check("elu", np.where(wide > 0, wide, 1.5 * np.expm1(wide)), x, alpha=1.5)
    check("softplus", np.log1p(np.exp(2 * wide)) / 2, x, beta=2.0, threshold=20.0)
    check("clamp", np.clip(wide, -1, 2), x, min=-1, max=2)
    check("clamp", np.maximum(wide, -1), x, min=-1, max=None)
    y = s.astype(dtype)
    check("sigmoid_backward", g * s * (1 - s), g, y)
    check("tanh_backward", g * (1 - s**2), g, y)
    check("relu_backward", np.where(x > 0, g, 0), g, x)


#: op -> (reference, dtypes)
BINARY = {
    "add": (np.add, [*INTEGERS, *FLOATS, *COMPLEX, "bool"]),
    "sub": (np.subtract, INTEGERS + FLOATS + COMPLEX),
    "mul": (np.multiply, [*INTEGERS, *FLOATS, *COMPLEX, "bool"]),
    "div": (np.divide, FLOATS + COMPLEX),
    "maximum": (np.maximum, [*INTEGERS, *FLOATS, "bool"]),
    "minimum": (np.minimum, [*INTEGERS, *FLOATS, "bool"]),
    "floor_divide": (np.floor_divide, [*INTEGERS, "float32", "float64"]),
    "remainder": (np.remainder, [*INTEGERS, "float32", "float64"]),
    "bitwise_and": (np.bitwise_and, [*INTEGERS, "bool"]),
    "bitwise_or": (np.bitwise_or, [*INTEGERS, "bool"]),
    "bitwise_xor": (np.bitwise_xor, [*INTEGERS, "bool"]),
    "atan2": (np.arctan2, ["float32", "float64"]),
}
COMPARE = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
    "gt": np.greater, "ge": np.greater_equal,
    "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor,
}  # fmt: skip


def operand(random, shape, dtype, *, nonzero=False):
    if dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if dtype in INTEGERS:
        info = np.iinfo(dtype)
        x = random.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
        return np.where(x == 0, np.array(3, dtype), x) if nonzero else x
    x = random.normal(size=shape) * 3
    return (x + 1j * random.normal(size=shape) if dtype in COMPLEX else x).astype(dtype)


def assert_same(got, expected, dtype):
    if dtype in COMPLEX:
        np.testing.assert_allclose(got, expected, rtol=1e-5 if dtype == "complex64" else 1e-13)
    else:
        np.testing.assert_allclose(
            got, expected, rtol=1e-6 if dtype == "float32" else 1e-13 if dtype == "float64" else 0
        )


@pytest.mark.parametrize(("op", "dtype"), [(op, d) for op, (_, dtypes) in BINARY.items() for d in dtypes])
def test_binary_sizes_and_aliasing(run, random, op, dtype):
    reference = BINARY[op][0]
    for n in [*range(36), 63, 64, 65, 130, 1025]:
        a, b = operand(random, n, dtype), operand(random, n, dtype, nonzero=True)
        if dtype in ("int8", "int16", "int32", "int64") and n > 2:
            a[0], b[0] = np.iinfo(dtype).min, -1  # overflows the hardware's division
        expected = reference(a, b)
        assert_same(run(op, np.empty_like(a), a, b), expected, dtype)
        assert_same(run(op, a, a, b), expected, dtype)


@pytest.mark.parametrize("op", COMPARE)
@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS, "bool"])
def test_compare(run, random, op, dtype):
    a, b = operand(random, 131, dtype), operand(random, 131, dtype)
    b[::3] = a[::3]
    if dtype in FLOATS:
        a[5], b[6], b[7] = np.nan, np.nan, np.inf
    np.testing.assert_array_equal(run(op, np.empty(131, bool), a, b), COMPARE[op](a, b))


def layouts(random, dtype):
    """Pairs of operands of one shape: transposed, reversed, stepped, broadcast in every way."""
    x = operand(random, (6, 35, 8), dtype, nonzero=True)
    return [
        (x, x[:, ::-1]),
        (x.transpose(2, 0, 1), x.transpose(2, 0, 1)),
        (x[:, ::2], x[:, ::-2]),
        (x, np.broadcast_to(x[:1, :1, :1], x.shape)),
        (x, np.broadcast_to(x[0, 0], x.shape)),
        (np.broadcast_to(x[:, :1, :1], x.shape), x),
        (np.broadcast_to(x[:, :, :1], x.shape), np.broadcast_to(x[:1], x.shape)),
        (x[0, 0, 0, ...], x[0, 0, 1, ...]),  # 0-d
    ]


@pytest.mark.parametrize("op", ["add", "sub", "maximum", "lt"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float16", "float32", "float64", "complex128"])
def test_layouts(run, random, op, dtype):
    if dtype == "complex128" and op in ("maximum", "lt"):
        pytest.skip("complex numbers have no order")
    for a, b in layouts(random, dtype):
        expected = (np.less if op == "lt" else BINARY[op][0])(a, b)
        for out in (np.empty(a.shape, expected.dtype), np.empty(a.shape[::-1], expected.dtype).T):
            np.testing.assert_array_equal(run(op, out, a, b), expected)


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int16", "int32", "int64", "float16", "float32", "float64", "complex128"]
)
@pytest.mark.parametrize("shape", [(8, 8), (64, 64), (65, 129), (150, 31), (3, 70, 66), (2, 9, 5, 100)])
def test_operands_that_lie_crosswise(run, random, dtype, shape):
    """Sums where one operand is dense along another dimension: each of them, of the result too."""
    add = "logical_or" if dtype == "bool" else "add"
    one, two = (random.integers(0, 2 if dtype == "bool" else 50, shape).astype(dtype) for _ in "ab")
    expected = one | two if dtype == "bool" else one + two
    row = two[..., :1, :]
    for axis in range(len(shape) - 1):
        across = np.ascontiguousarray(np.moveaxis(two, axis, -1))
        across = np.moveaxis(across, -1, axis)
        np.testing.assert_array_equal(run(add, np.empty_like(one), one, across), expected)
        np.testing.assert_array_equal(run(add, np.empty_like(across), across, one), expected)
        np.testing.assert_array_equal(
            run(add, np.empty_like(one), across, across[..., ::-1]), expected_sum(across)
        )
        wide = np.broadcast_to(row, shape)
        np.testing.assert_array_equal(run(add, np.empty_like(one), across, wide), expected_sum(across, wide))
        np.testing.assert_array_equal(run("copy", np.empty_like(one), across), two)


def expected_sum(a, b=None):
    b = a[..., ::-1] if b is None else b
    return a | b if a.dtype == bool else a + b


@pytest.mark.parametrize("offset", [0, 1])
def test_results_that_no_cache_keeps(run, offset):
    """Such a result is streamed where it is aligned; its last elements are no whole vector."""
    n = (64 << 20) // 4 + 1031
    a = np.arange(n + 1, dtype=np.float32)[offset:]
    out = np.empty_like(a)
    np.testing.assert_array_equal(run("add", out, a, a), a + a)
    np.testing.assert_array_equal(run("add", a, a, a), out)


@pytest.mark.parametrize("columns", [4096, 4098, 4099])
def test_rows_of_results_that_no_cache_keeps(run, columns):
    """Rows with repeated numbers are streamed if each begins where that is possible; else stored as usual."""
    rows = (64 << 20) // 4 // columns + 3
    a = np.arange(rows * columns, dtype=np.float32).reshape(rows, columns)
    row, column = np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32)[:, None]
    for other in (row, column, a[:1, :1]):
        spread = np.broadcast_to(other, a.shape)
        np.testing.assert_array_equal(run("add", np.empty_like(a), a, spread), a + other)


@pytest.mark.parametrize("columns", [1, 63, 64, 255, 256, 257, 1030])
def test_rows_with_repeated_numbers(run, random, columns):
    a = random.normal(size=(70, 3, columns)).astype(np.float32)
    for shape in [(70, 1, 1), (3, 1), (columns,), (1, 3, columns), (1, 1, 1)]:
        other = random.normal(size=shape).astype(np.float32)
        spread = np.broadcast_to(other, a.shape)
        np.testing.assert_array_equal(run("sub", np.empty_like(a), a, spread), a - other)
        np.testing.assert_array_equal(run("sub", np.empty_like(a), spread, a), other - a)


def test_in_place_on_a_strided_view(run, random):
    base = random.normal(size=(40, 50)).astype(np.float32)
    expected = base.copy()
    view, twin = base[:, ::3].T, expected[:, ::3].T
    run("mul", view, view, np.broadcast_to(np.float32([2]), view.shape))
    twin *= 2
    np.testing.assert_array_equal(base, expected)


@pytest.mark.parametrize("n", [40_000, 1_000_001])
def test_large(run, random, n):
    a, b = (random.normal(size=n).astype(np.float32) for _ in range(2))
    np.testing.assert_array_equal(run("add", np.empty_like(a), a, b), a + b)
    np.testing.assert_allclose(run("tanh", np.empty_like(a), a), np.tanh(a), rtol=1e-6)
    half = a.astype(np.float16)
    np.testing.assert_array_equal(run("neg", np.empty_like(half), half), -half)


def test_a_result_does_not_depend_on_its_position(run, random):
    x = random.normal(size=200).astype(np.float32)
    for op in ("exp", "tanh", "gelu", "sin"):
        whole = run(op, np.empty_like(x), x)
        for n in (1, 7, 100):
            tail = x[-n:].copy()
            np.testing.assert_array_equal(run(op, np.empty_like(tail), tail), whole[-n:])


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("op", ["floor_divide", "remainder"])
def test_integer_division_by_zero_raises(run, dtype, op):
    a = np.ones(40, dtype)
    b = a.copy()
    b[17] = 0
    with pytest.raises(ZeroDivisionError):
        run(op, np.empty_like(a), a, b)


def test_float_division_follows_python(run):
    a = np.array([5, -5, 5, -5, 1e10, 0.0, -1.0, 1.0, np.inf], np.float64)
    b = np.array([3, 3, -3, -3, 0.1, 2.0, np.inf, 0.0, 2.0])
    np.testing.assert_array_equal(run("floor_divide", np.empty_like(a), a, b), np.floor_divide(a, b))
    np.testing.assert_array_equal(run("remainder", np.empty_like(a), a, b)[:6], np.remainder(a, b)[:6])


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
def test_integer_powers_and_shifts(run, dtype):
    a, b = np.array([2, 3, 0, 7, 1, 5], dtype), np.array([5, 4, 0, 2, 60, 1], dtype)
    np.testing.assert_array_equal(run("pow", np.empty_like(a), a, b), a**b)
    shift = np.array([1, 3, 40, 0, 70, 2], dtype)
    bits = 8 * a.itemsize
    left = [int(x) << int(s) if s < bits else 0 for x, s in zip(a, shift, strict=True)]
    np.testing.assert_array_equal(
        run("bitwise_left_shift", np.empty_like(a), a, shift), np.array(left).astype(dtype)
    )
    np.testing.assert_array_equal(run("bitwise_right_shift", np.empty_like(a), a, shift), [1, 0, 0, 7, 0, 1])


def test_predicates_and_rounding(run):
    x = np.array([0.5, 1.5, -2.5, np.nan, np.inf, -np.inf, 0.0, -0.7], np.float32)
    for op in ("isnan", "isinf", "isfinite", "logical_not"):
        np.testing.assert_array_equal(run(op, np.empty(8, bool), x), getattr(np, op)(x))
    for op, f in {
        "round": np.rint,
        "floor": np.floor,
        "ceil": np.ceil,
        "trunc": np.trunc,
        "abs": np.abs,
    }.items():
        np.testing.assert_array_equal(run(op, np.empty_like(x), x), f(x))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "float16", "float32", "float64", "complex128"])
def test_copy_and_where(run, random, dtype):
    for a, b in layouts(random, dtype):
        np.testing.assert_array_equal(run("copy", np.empty(a.shape[::-1], dtype).T, a), a)
        condition = random.integers(0, 2, a.shape).astype(bool)
        got = run("where", np.empty(a.shape, dtype), condition, a, b, kernel_dtype=dtype)
        np.testing.assert_array_equal(got, np.where(condition, a, b))


@pytest.mark.parametrize("dtype", ["bool", *INTEGERS, *FLOATS, *COMPLEX])
def test_fill(run, dtype):
    for value in (0, 1, True, 2.5 if dtype in FLOATS else 3, 1e300 if dtype in FLOATS else 7):
        with np.errstate(over="ignore"):
            expected = np.full((5, 70), value).astype(dtype)
        for out in (np.empty((5, 70), dtype), np.empty((5, 140), dtype)[:, ::-2]):
            np.testing.assert_array_equal(run("fill", out, value=value, kernel_dtype=dtype), expected)


@pytest.mark.parametrize("dtype", [*INTEGERS, "float32", "float64"])
def test_arange(run, dtype):
    out = run("arange", np.empty(40, dtype), start=3, step=2, kernel_dtype=dtype)
    np.testing.assert_array_equal(out, np.arange(3, 83, 2).astype(dtype))


@pytest.mark.parametrize("source", ["bool", *INTEGERS, *FLOATS, *COMPLEX])
def test_cast(run, random, source):
    x = operand(random, (7, 150), source)
    if source not in ("bool", *INTEGERS):
        x = (x * 5).astype(source)
    for target in ["bool", *INTEGERS, *FLOATS, *COMPLEX]:
        if target == source:
            continue
        with np.errstate(all="ignore"):
            real = x.real if source in COMPLEX and target not in (*COMPLEX, "bool") else x
            wide = real.astype(np.int64) if source in (*FLOATS, *COMPLEX) and target in INTEGERS else real
            expected = wide.astype(target)
        for value, out in ((x, np.empty(x.shape, target)), (x.T, np.empty(x.shape, target).T)):
            np.testing.assert_array_equal(run("cast", out, value), expected if value is x else expected.T)
