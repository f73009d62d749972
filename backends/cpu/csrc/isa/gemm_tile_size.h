/* Size of the tile of C that stays in registers: MR x (NV * VL).  Included once per type.
 *
 * Register budget: MR * NV accumulators, NV vectors of B and one broadcast of A. */
#undef MR
#undef NV
#if defined(RT_ISA_AVX512)
#define MR 14
#elif defined(RT_ISA_NEON)
#define MR 12
#else
#define MR 6
#endif
#define NV 2
#undef NR
#define NR (NV * VL)
