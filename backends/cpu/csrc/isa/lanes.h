/* Vectors of numbers that lie `stride` apart in memory.  Included once per type. */

#if !defined(RT_LANES_INTEGERS)
#define RT_LANES_INTEGERS
typedef vi vf_mask; /* of a vector's lanes */
typedef vl vd_mask;
typedef int32_t vf_lane;
typedef int64_t vd_lane;
#endif

/* Every other number of 2 * VL - 1: nothing past the last one is read. */
RT_INLINE V T(every_other)(const REAL *from) {
    v(mask) pick;
#pragma GCC unroll 16
    for (int i = 0; i < VL; i++)
        pick[i] = 2 * i < VL ? 2 * i : 2 * i + 1;
    return __builtin_shuffle(v(load)(from), v(load)(from + VL - 1), pick);
}

/* Lanes lo .. hi of numbers `stride` apart in memory; the others are 0. */
RT_INLINE V T(see)(const REAL *from, int64_t stride, int64_t lo, int64_t hi) {
    if (stride == 1)
        return lo == 0 && hi == VL ? v(load)(from) : v(range)(from, lo, hi);
    if (stride == 2 && lo == 0 && hi == VL)
        return T(every_other)(from);
    return v(gather)(from, stride, lo, hi);
}

/* All bits set in lanes lo .. hi. */
RT_INLINE v(mask) T(between)(int64_t lo, int64_t hi) {
    v(mask) lane;
#pragma GCC unroll 16
    for (int i = 0; i < VL; i++)
        lane[i] = i;
    return (lane >= (v(lane))lo) & (lane < (v(lane))hi);
}
