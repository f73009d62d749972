// Functions of elements: what the formulas of elementwise kernels are written with.
constexpr double SQRT_HALF = 0.70710678118654752440, SQRT_2_OVER_PI = 0.79788456080286535588, PI = 3.14159265358979323846;

template <class T> __device__ inline T negative(T a) {
    if constexpr (IsFloat<T>::value || IsComplex<T>::value) return -a;
    else return (T)(0 - (typename Unsigned<T>::type)a);
}
template <class T> __device__ inline T plus(T a, T b) {
    if constexpr (IsFloat<T>::value || IsComplex<T>::value) return a + b;
    else return (T)((typename Unsigned<T>::type)a + (typename Unsigned<T>::type)b);
}
template <> __device__ inline bool plus(bool a, bool b) { return a || b; }
template <class T> __device__ inline T minus(T a, T b) { return plus(a, negative(b)); }
template <> __device__ inline Complex<float> minus(Complex<float> a, Complex<float> b) { return a - b; }
template <> __device__ inline Complex<double> minus(Complex<double> a, Complex<double> b) { return a - b; }
template <> __device__ inline float minus(float a, float b) { return a - b; }
template <> __device__ inline double minus(double a, double b) { return a - b; }
template <class T> __device__ inline T times(T a, T b) {
    if constexpr (IsFloat<T>::value || IsComplex<T>::value) return a * b;
    else return (T)((u64)a * (u64)b);
}
template <> __device__ inline bool times(bool a, bool b) { return a && b; }

template <class T> __device__ inline T magnitude(T a) {
    if constexpr (IsFloat<T>::value) return fabs(a);
    else return a < 0 ? negative(a) : a;
}
template <class T> __device__ inline T greatest(T a, T b) { return a != a ? a : b != b ? b : a > b ? a : b; }
template <class T> __device__ inline T least(T a, T b) { return a != a ? a : b != b ? b : a < b ? a : b; }

template <class T> __device__ inline T modulo(T a, T b, Failure *failure, i64 code) {
    if constexpr (IsFloat<T>::value) {
        T rest = fmod(a, b);
        return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    } else {
        if (b == 0) return fail(failure, code, 0, 0, 0), (T)0;
        if (b == (T)-1 && (T)-1 < 0) return (T)0;  // the quotient of the least integer does not exist
        T rest = (T)(a % b);
        return rest != 0 && (rest < 0) != (b < 0) ? (T)(rest + b) : rest;
    }
}
template <class T> __device__ inline T floor_quotient(T a, T b, Failure *failure, i64 code) {
    if constexpr (IsFloat<T>::value) {
        if (b == 0) return a / b;
        T rest = fmod(a, b), whole = rint((a - rest) / b);
        if (rest != 0 && (rest < 0) != (b < 0)) whole -= 1;
        return whole == 0 ? copysign((T)0, a / b) : whole;
    } else {
        if (b == 0) return fail(failure, code, 0, 0, 0), (T)0;
        if (b == (T)-1 && (T)-1 < 0) return negative(a);
        T whole = (T)(a / b);
        return (T)(whole - (a % b != 0 && (a < 0) != (b < 0)));
    }
}
template <class T> __device__ inline T power(T a, T b) {
    if constexpr (IsFloat<T>::value) return pow(a, b);
    else {
        if (b < 0) return a == 1 ? (T)1 : a == (T)-1 && (T)-1 < 0 ? (b & 1 ? (T)-1 : (T)1) : (T)0;
        u64 result = 1, factor = (u64)a, exponent = (u64)b;
        for (; exponent; exponent >>= 1, factor *= factor)
            if (exponent & 1) result *= factor;
        return (T)result;
    }
}
template <class T> __device__ inline T shifted_left(T a, T b) {
    return b < 0 || (u64)b >= 8 * sizeof(T) ? (T)0 : (T)((typename Unsigned<T>::type)a << b);
}
template <class T> __device__ inline T shifted_right(T a, T b) {
    if (b < 0 || (u64)b >= 8 * sizeof(T)) return a < 0 ? (T)-1 : (T)0;
    return (T)(a >> b);
}
template <class T> __device__ inline T logistic(T a) { return 1 / (1 + exp(-a)); }
template <class T> __device__ inline T gelu_by_erf(T a) { return a * (T)0.5 * erfc(-a * (T)SQRT_HALF); }
template <class T> __device__ inline T gelu_by_tanh(T a) {
    // 0.5 * (1 + tanh(u)) is the logistic function of 2u, which does not cancel
    return a * logistic((T)(2 * SQRT_2_OVER_PI) * (a + (T)0.044715 * a * a * a));
}

// ---- conversion, by PyTorch's rules ------------------------------------------------------------------
template <class To, class From> struct Convert {
    static __device__ inline To of(From x) {
        if constexpr (IsFloat<From>::value && !IsFloat<To>::value) {
            double whole = trunc((double)x);
            return (To)(whole >= -9223372036854775808.0 && whole < 9223372036854775808.0 ? (i64)whole
                                                                                         : (i64)(1ull << 63));
        } else return (To)x;
    }
};
template <class From> struct Convert<bool, From> {
    static __device__ inline bool of(From x) { return x != 0; }
};
template <class T> struct Convert<bool, Complex<T>> {
    static __device__ inline bool of(Complex<T> x) { return x.re != 0 || x.im != 0; }
};
template <class To, class T> struct Convert<To, Complex<T>> {
    static __device__ inline To of(Complex<T> x) { return Convert<To, T>::of(x.re); }
};
template <class T, class From> struct Convert<Complex<T>, From> {
    static __device__ inline Complex<T> of(From x) { return {(T)x, (T)0}; }
};
template <class T, class U> struct Convert<Complex<T>, Complex<U>> {
    static __device__ inline Complex<T> of(Complex<U> x) { return {(T)x.re, (T)x.im}; }
};
