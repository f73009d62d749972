// What every program begins with: types, loads and stores, and functions that OpenCL C does not have.
// Products and sums are rounded one by one, so that results are the same on every device.
#pragma OPENCL FP_CONTRACT OFF

#ifdef FP64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
typedef double real;  // the widest floating-point type of the device
#define as_bits(x) as_ulong(x)
#else
typedef float real;
#endif

// -- elements in memory: load_TAG(pointer, i) and store_TAG(pointer, i, value) ----------------------

#define ELEMENT(TAG, TYPE)                                                                        \
    TYPE load_##TAG(global const TYPE *p, long i) { return p[i]; }                                \
    void store_##TAG(global TYPE *p, long i, TYPE value) { p[i] = value; }

ELEMENT(u8, uchar)
ELEMENT(i8, char)
ELEMENT(i16, short)
ELEMENT(u16, ushort)
ELEMENT(i32, int)
ELEMENT(u32, uint)
ELEMENT(i64, long)
ELEMENT(u64, ulong)
ELEMENT(f32, float)
#ifdef FP64
ELEMENT(f64, double)
#endif

uchar load_b8(global const uchar *p, long i) { return p[i]; }
void store_b8(global uchar *p, long i, uchar value) { p[i] = value != 0; }

float load_f16(global const ushort *p, long i) { return vload_half(i, (global const half *)p); }
void store_f16(global ushort *p, long i, float value) { vstore_half_rte(value, i, (global half *)p); }

float load_bf16(global const ushort *p, long i) { return as_float((uint)p[i] << 16); }
void store_bf16(global ushort *p, long i, float value) {
    uint bits = as_uint(value);
    p[i] = isnan(value) ? bits >> 16 | 64 : (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
}

// -- conversions ------------------------------------------------------------------------------------

// Rounds to float toward zero, with the last bit set if anything was lost: rounding that again, to 16
// bits, gives what one rounding would have given.
float odd(real value) {
    float nearest = (float)value;
    if (nearest == value || isnan(value)) return nearest;
    uint bits = as_uint(nearest) - (fabs((real)nearest) > fabs(value));
    return as_float(bits | 1);
}

#define round_f16(value) odd((real)(value))
#define round_bf16(value) odd((real)(value))
#define round_f32(value) ((float)(value))
#define round_f64(value) ((double)(value))

// Toward zero; NaN and what long cannot hold become the lowest number.
long truncated(real value) {
    return value >= -0x1p63f && value < 0x1p63f ? (long)value : LONG_MIN;
}

// -- arithmetic of T, the type that a program computes in; U is its unsigned type ----------------------

#ifdef T
#ifdef INTEGER
T greatest(T a, T b) { return max(a, b); }
T least(T a, T b) { return min(a, b); }
#else
T greatest(T a, T b) { return isnan(a) || a > b ? a : b; }  // NaN if either is
T least(T a, T b) { return isnan(a) || a < b ? a : b; }
#endif
#endif

// -- errors: the host reads the first one when it waits (errors.py) --------------------------------------

void fail(volatile global int *status, int code, long value) {
    if (atomic_cmpxchg(status, 0, code) == 0) ((volatile global long *)status)[1] = value;
}
