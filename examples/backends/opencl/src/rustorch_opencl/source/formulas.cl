// Functions that the formulas of formulas.py call.

#ifdef INTEGER

T floor_divided(T a, T b) {
    if ((long)b == -1) return -(U)a;  // the lowest number has no opposite: it wraps
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

T remainder_of(T a, T b) {
    if ((long)b == -1) return 0;
    T rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

T power(T base, T exponent) {
    if (exponent < 0) return base == 1 ? 1 : (long)base == -1 ? (exponent & 1 ? -1 : 1) : 0;
    U result = 1, square = (U)base;
    for (; exponent > 0; exponent >>= 1, square *= square)
        if (exponent & 1) result *= square;
    return result;
}

bool shifts_out(T count) { return count < 0 || count >= (T)(8 * sizeof(T)); }

#else

#define SQRT_HALF ((T)0.70710678118654752440)
#define SQRT_1_PI ((T)0.56418958354775628695)

T remainder_of(T a, T b) {
    T rest = fmod(a, b);  // has the sign of a
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

T floor_divided(T a, T b) {
    if (b == 0) return a / b;
    T rest = fmod(a, b);
    T whole = rint((a - rest) / b) - (rest != 0 && (rest < 0) != (b < 0));
    return whole == 0 ? copysign((T)0, a / b) : whole;
}

T sigmoid(T x) { return 1 / (1 + exp(-x)); }

// Inner polynomial of gelu's approximation: gelu(x) = x sigmoid(2 bend(x)).
T bend(T x) { return (T)0.79788456080286535588 * (x + (T)0.044715 * x * x * x); }

T gelu_tanh_slope(T x, T s) {
    return s + x * 2 * s * (1 - s) * (T)0.79788456080286535588 * (1 + (T)0.134145 * x * x);
}

#endif
