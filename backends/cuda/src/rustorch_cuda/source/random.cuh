// Philox4x32-10: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
struct Block { u32 word[4]; };
__device__ inline Block philox(u64 seed, u64 counter) {
    u32 key0 = (u32)seed, key1 = (u32)(seed >> 32);
    Block c = {{(u32)counter, (u32)(counter >> 32), 0, 0}};
    for (int round = 0; round < 10; ++round) {
        u64 p = (u64)0xD2511F53u * c.word[0], q = (u64)0xCD9E8D57u * c.word[2];
        c = {{(u32)(q >> 32) ^ c.word[1] ^ key0, (u32)q, (u32)(p >> 32) ^ c.word[3] ^ key1, (u32)p}};
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return c;
}
// Element i of the (contiguous) result takes word i % 4 of block i / 4; float64 takes two words.
struct Bits {
    typedef i32 type;
    static constexpr int words = 1;
    static __device__ inline i32 of(const u32 *w) { return (i32)w[0]; }
};
struct Uniform {
    typedef float type;
    static constexpr int words = 1;
    static __device__ inline float of(const u32 *w) { return (float)(w[0] >> 8) * 5.9604644775390625e-8f; }
};
struct WideUniform {
    typedef double type;
    static constexpr int words = 2;
    static __device__ inline double of(const u32 *w) {
        return ((double)(w[0] >> 5) * 67108864.0 + (double)(w[1] >> 6)) * 1.1102230246251565e-16;
    }
};
template <class D> __device__ inline void draw(const Args<2> &r) {  // result, state: (seed, first block)
    const i64 *state = static_cast<const i64 *>(r.data[1]);
    constexpr int each = 4 / D::words;
    i64 blocks = (r.count + each - 1) / each;
    for (i64 b = FIRST; b < blocks; b += STRIDE) {
        Block found = philox((u64)state[0], (u64)state[1] + (u64)b);
        for (int i = 0; i < each && b * each + i < r.count; ++i)
            static_cast<typename D::type *>(r.data[0])[b * each + i] = D::of(found.word + i * D::words);
    }
}
