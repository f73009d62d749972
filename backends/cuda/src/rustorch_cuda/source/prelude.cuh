// What every kernel starts with: integer types, the twelve element types and their arithmetic.
// Plain C++17 without headers of CUDA, so that NVRTC, HIPRTC and a host compiler take the same text.
typedef signed char i8;
typedef unsigned char u8;
typedef short i16;
typedef unsigned short u16;
typedef int i32;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;

__device__ inline float as_float(u32 bits) { return *reinterpret_cast<float *>(&bits); }
__device__ inline u32 as_bits(float value) { return *reinterpret_cast<u32 *>(&value); }
__device__ inline double as_double(u64 bits) { return *reinterpret_cast<double *>(&bits); }
__device__ inline u64 as_bits(double value) { return *reinterpret_cast<u64 *>(&value); }

// ---- storage types -------------------------------------------------------------------------------
struct Bool { u8 value; };  // 0 or 1
struct Half { u16 bits; };
struct Bfloat { u16 bits; };

template <class T> struct Complex { T re, im; };
template <class T> __device__ inline Complex<T> operator+(Complex<T> a, Complex<T> b) { return {a.re + b.re, a.im + b.im}; }
template <class T> __device__ inline Complex<T> operator-(Complex<T> a, Complex<T> b) { return {a.re - b.re, a.im - b.im}; }
template <class T> __device__ inline Complex<T> operator-(Complex<T> a) { return {-a.re, -a.im}; }
template <class T> __device__ inline bool operator==(Complex<T> a, Complex<T> b) { return a.re == b.re && a.im == b.im; }
template <class T> __device__ inline Complex<T> operator*(Complex<T> a, Complex<T> b) {
    return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
// Smith, "Algorithm 116: complex division", CACM 5 (1962): does not overflow where the quotient does not.
template <class T> __device__ inline Complex<T> operator/(Complex<T> a, Complex<T> b) {
    T x = b.re < 0 ? -b.re : b.re, y = b.im < 0 ? -b.im : b.im;
    if (x == 0 && y == 0) return {a.re / x, a.im / x};
    if (x >= y) {
        T r = b.im / b.re, d = b.re + b.im * r;
        return {(a.re + a.im * r) / d, (a.im - a.re * r) / d};
    }
    T r = b.re / b.im, d = b.re * r + b.im;
    return {(a.re * r + a.im) / d, (a.im * r - a.re) / d};
}

// ---- conversions of half precision: one rounding, to nearest, ties to even -------------------------
__device__ inline float widened(Half h) {
    u32 sign = (u32)(h.bits & 0x8000) << 16, exponent = (h.bits >> 10) & 31, fraction = h.bits & 1023;
    if (exponent == 31) return as_float(sign | 0x7f800000 | (fraction << 13));
    if (exponent) return as_float(sign | ((exponent + 112) << 23) | (fraction << 13));
    float tiny = (float)fraction * 5.9604644775390625e-8f;  // 2**-24
    return as_float(sign | as_bits(tiny));
}
__device__ inline Half halved(double x) {
    u64 bits = as_bits(x);
    u16 sign = (u16)((bits >> 48) & 0x8000);
    i32 exponent = (i32)((bits >> 52) & 2047) - 1023;
    u64 fraction = bits & 0xfffffffffffffull;
    if (exponent == 1024) return {(u16)(sign | 0x7c00 | (fraction ? 0x200 : 0))};
    if (exponent > 15) return {(u16)(sign | 0x7c00)};
    if (exponent < -25) return {sign};
    i32 drop = exponent < -14 ? 42 + (-14 - exponent) : 42;  // bits of the fraction that go
    u64 whole = fraction | 0x10000000000000ull, kept = whole >> drop, rest = whole & ((1ull << drop) - 1);
    u64 middle = 1ull << (drop - 1);
    kept += rest > middle || (rest == middle && (kept & 1));
    u64 low = exponent < -14 ? kept : kept + ((u64)(exponent + 14) << 10);  // the leading bit counts as exponent 1
    return {(u16)(sign | low)};
}
__device__ inline float widened(Bfloat b) { return as_float((u32)b.bits << 16); }
__device__ inline Bfloat bfloated(double x) {
    if (x != x) return {0x7fc0};
    float nearest = (float)x;
    u32 bits = as_bits(nearest);
    double found = (double)nearest;
    if ((bits & 0x7fffffff) < 0x7f800000 || (x - x) == 0) {
        // round to float toward zero with a sticky last bit, so that the second rounding is the only one
        double magnitude = x < 0 ? -x : x, reached = found < 0 ? -found : found;
        if (reached > magnitude) bits -= 1;
        if (reached != magnitude) bits |= 1;
    }
    u32 round = 0x7fff + ((bits >> 16) & 1);
    return {(u16)((bits + round) >> 16)};
}

// ---- Element<S>: the type `wide` in which values of S are computed ------------------------------------
template <class S> struct Element {
    typedef S wide;
    typedef S sum;
    static __device__ inline S load(S x) { return x; }
    static __device__ inline S store(S x) { return x; }
};
template <> struct Element<Bool> {
    typedef bool wide;
    typedef bool sum;
    static __device__ inline bool load(Bool x) { return x.value != 0; }
    static __device__ inline Bool store(bool x) { return {(u8)x}; }
};
template <> struct Element<Half> {
    typedef float wide;
    typedef double sum;
    static __device__ inline float load(Half x) { return widened(x); }
    static __device__ inline Half store(double x) { return halved(x); }
};
template <> struct Element<Bfloat> {
    typedef float wide;
    typedef double sum;
    static __device__ inline float load(Bfloat x) { return widened(x); }
    static __device__ inline Bfloat store(double x) { return bfloated(x); }
};
template <> struct Element<float> {
    typedef float wide;
    typedef double sum;  // sums are limited by memory, so the wider type costs nothing and errs less
    static __device__ inline float load(float x) { return x; }
    static __device__ inline float store(double x) { return (float)x; }
};
template <> struct Element<Complex<float>> {
    typedef Complex<float> wide;
    typedef Complex<double> sum;
    static __device__ inline Complex<float> load(Complex<float> x) { return x; }
    static __device__ inline Complex<float> store(Complex<float> x) { return x; }
    static __device__ inline Complex<float> store(Complex<double> x) { return {(float)x.re, (float)x.im}; }
};
template <class A> struct Unsigned { typedef A type; };  // integers wrap: their arithmetic is done without sign
template <> struct Unsigned<i8> { typedef u8 type; };
template <> struct Unsigned<i16> { typedef u16 type; };
template <> struct Unsigned<i32> { typedef u32 type; };
template <> struct Unsigned<i64> { typedef u64 type; };

template <class T> struct IsComplex { static constexpr bool value = false; };
template <class T> struct IsComplex<Complex<T>> { static constexpr bool value = true; };
template <class T> struct IsFloat { static constexpr bool value = false; };
template <> struct IsFloat<float> { static constexpr bool value = true; };
template <> struct IsFloat<double> { static constexpr bool value = true; };

// ---- errors: the first one is kept and raised by the host when it next waits -----------------------
struct Failure { i64 code, index, dim, size; };
__device__ inline void fail(Failure *failure, i64 code, i64 index, i64 dim, i64 size) {
    if (claim(&failure->code, code)) {
        failure->index = index;
        failure->dim = dim;
        failure->size = size;
    }
}

// ---- geometry --------------------------------------------------------------------------------------
// `K` operands (the first is the result) over one space of `count` elements, the last dim the fastest.
constexpr int DIMS = 16;
template <int K> struct Args {
    i64 count, ndim;
    i64 size[DIMS];
    i64 step[K][DIMS];
    void *data[K];
    double number[4];
    i64 whole[8];
    Failure *failure;
};
template <int K, class I> __device__ inline void locate(const Args<K> &args, i64 place, i64 (&at)[K]) {
    I rest = (I)place;
    for (int k = 0; k < K; ++k) at[k] = 0;
    for (int d = (int)args.ndim - 1; d > 0; --d) {
        I size = (I)args.size[d], next = rest / size, here = rest - next * size;
        rest = next;
        for (int k = 0; k < K; ++k) at[k] += (i64)here * args.step[k][d];
    }
    for (int k = 0; k < K; ++k) at[k] += (i64)rest * args.step[k][0];
}
#define FIRST ((i64)blockIdx.x * blockDim.x + threadIdx.x)
#define STRIDE ((i64)gridDim.x * blockDim.x)
