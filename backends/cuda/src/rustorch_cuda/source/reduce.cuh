// Reductions.  The space of `Args<2>` is that of the results (0) over the kept dims of the operand (1);
// a second `Args<1>` walks the reduced dims.  Block (o, p) reduces part p of result o in a fixed order,
// as a tree, so the same operands give the same bits.
template <class S, class F> __device__ inline void reduce(const Args<2> &kept, const Args<1> &reduced) {
    typedef typename F::state A;
    __shared__ A partial[THREADS];
    i64 parts = gridDim.y;
    for (i64 o = blockIdx.x; o < kept.count; o += gridDim.x) {
        i64 at[2];
        locate<2, u64>(kept, o, at);
        const S *x = static_cast<const S *>(kept.data[1]) + at[1];
        A state = F::empty();
        for (i64 i = (i64)blockIdx.y * THREADS + threadIdx.x; i < reduced.count; i += parts * THREADS) {
            i64 inner[1];
            locate<1, u64>(reduced, i, inner);
            F::take(state, Element<S>::load(x[inner[0]]), i);
        }
        partial[threadIdx.x] = state;
        __syncthreads();
        for (int half = THREADS / 2; half > 0; half /= 2) {
            if (threadIdx.x < half) F::join(partial[threadIdx.x], partial[threadIdx.x + half]);
            __syncthreads();
        }
        if (threadIdx.x == 0) {
            if (parts == 1) F::finish(kept.data[0], at[0], partial[0]);
            else static_cast<A *>(reduced.data[0])[o * parts + blockIdx.y] = partial[0];
        }
        __syncthreads();
    }
}
// One thread per result: for many results of few elements, and where neighbours in memory are neighbours
// among the results.
template <class S, class F> __device__ inline void reduce_serially(const Args<2> &kept, const Args<1> &reduced) {
    for (i64 o = FIRST; o < kept.count; o += STRIDE) {
        i64 at[2];
        locate<2, u64>(kept, o, at);
        const S *x = static_cast<const S *>(kept.data[1]) + at[1];
        typename F::state state = F::empty();
        for (i64 i = 0; i < reduced.count; ++i) {
            i64 inner[1];
            locate<1, u64>(reduced, i, inner);
            F::take(state, Element<S>::load(x[inner[0]]), i);
        }
        F::finish(kept.data[0], at[0], state);
    }
}
// Join the parts that `reduce` left in scratch memory, in order.
template <class S, class F> __device__ inline void join_parts(const Args<2> &kept, const Args<1> &reduced) {
    typedef typename F::state A;
    i64 parts = kept.whole[0];
    for (i64 o = FIRST; o < kept.count; o += STRIDE) {
        i64 at[2];
        locate<2, u64>(kept, o, at);
        const A *found = static_cast<const A *>(reduced.data[0]) + o * parts;
        A state = found[0];
        for (i64 p = 1; p < parts; ++p) F::join(state, found[p]);
        F::finish(kept.data[0], at[0], state);
    }
}
template <class S> struct Sum {
    typedef typename Element<S>::sum state;
    typedef typename Element<S>::wide wide;
    static __device__ inline state empty() { return Convert<state, i64>::of(0); }
    static __device__ inline void take(state &a, wide x, i64) { a = plus(a, Convert<state, wide>::of(x)); }
    static __device__ inline void join(state &a, state b) { a = plus(a, b); }
    static __device__ inline void finish(void *out, i64 at, state a) { static_cast<S *>(out)[at] = Element<S>::store(a); }
};
template <class S> struct Prod {
    typedef typename Element<S>::sum state;
    typedef typename Element<S>::wide wide;
    static __device__ inline state empty() { return Convert<state, i64>::of(1); }
    static __device__ inline void take(state &a, wide x, i64) { a = times(a, Convert<state, wide>::of(x)); }
    static __device__ inline void join(state &a, state b) { a = times(a, b); }
    static __device__ inline void finish(void *out, i64 at, state a) { static_cast<S *>(out)[at] = Element<S>::store(a); }
};
template <class W> struct Best { W value; i64 index; };  // index -1: nothing seen
// The extreme value and where it is: NaN before everything, among equals the lowest index.
template <class S, bool GREATEST, bool WANT_INDEX> struct Extreme {
    typedef typename Element<S>::wide wide;
    typedef Best<wide> state;
    static __device__ inline bool beats(wide a, wide b) {
        if (a != a || b != b) return a != a && b == b;
        return GREATEST ? a > b : a < b;
    }
    static __device__ inline state empty() { return {(wide)0, -1}; }
    static __device__ inline void join(state &a, state b) {
        if (b.index < 0) return;
        if (a.index < 0 || beats(b.value, a.value) || (b.index < a.index && !beats(a.value, b.value))) a = b;
    }
    static __device__ inline void take(state &a, wide x, i64 i) { join(a, state{x, i}); }
    static __device__ inline void finish(void *out, i64 at, state a) {
        if constexpr (WANT_INDEX) static_cast<i64 *>(out)[at] = a.index;
        else static_cast<S *>(out)[at] = Element<S>::store(a.value);
    }
};
