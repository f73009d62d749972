/* Transposition in registers, and sums across lanes.  Included once per type. */
#undef LOW
#undef HIGH
#if RT_VEC_BYTES * 8 / RT_REAL_BITS == 16
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif RT_VEC_BYTES * 8 / RT_REAL_BITS == 8
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#elif RT_VEC_BYTES * 8 / RT_REAL_BITS == 4
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#else
#define LOW 0, 2
#define HIGH 1, 3
#endif

/* Rows of a square become columns.  One perfect shuffle rotates the bits of (register, lane) by one. */
RT_INLINE void T(transpose)(V *x) {
    for (int bit = 1; bit < VL; bit *= 2) {
        V y[VL];
#pragma GCC unroll 8
        for (int i = 0; i < VL / 2; i++) {
            y[2 * i] = __builtin_shufflevector(x[i], x[i + VL / 2], LOW);
            y[2 * i + 1] = __builtin_shufflevector(x[i], x[i + VL / 2], HIGH);
        }
#pragma GCC unroll 16
        for (int i = 0; i < VL; i++)
            x[i] = y[i];
    }
}

/* The sum over the lanes of x[i] in lane i, for as many vectors as there are lanes: halves are added while they are
 * interleaved, a quarter of the shuffles of as many sums one by one. */
RT_INLINE V T(totals)(V *x) {
#pragma GCC unroll 4
    for (int half = VL / 2; half > 0; half /= 2)
#pragma GCC unroll 8
        for (int i = 0; i < half; i++)
            x[i] = __builtin_shufflevector(x[i], x[i + half], LOW) + __builtin_shufflevector(x[i], x[i + half], HIGH);
    return x[0];
}
