// One thread computes one element after another: result 0 of operands 1..K-1, by a formula F.
template <class Out, class F, int K, class... In> struct Apply;
template <class Out, class F, class A> struct Apply<Out, F, 2, A> {
    static __device__ inline void at(const Args<2> &r, const i64 (&p)[2]) {
        static_cast<Out *>(r.data[0])[p[0]] =
            Element<Out>::store(F::of(r, Element<A>::load(static_cast<const A *>(r.data[1])[p[1]])));
    }
};
template <class Out, class F, class A, class B> struct Apply<Out, F, 3, A, B> {
    static __device__ inline void at(const Args<3> &r, const i64 (&p)[3]) {
        static_cast<Out *>(r.data[0])[p[0]] =
            Element<Out>::store(F::of(r, Element<A>::load(static_cast<const A *>(r.data[1])[p[1]]),
                                      Element<B>::load(static_cast<const B *>(r.data[2])[p[2]])));
    }
};
template <class Out, class F, class A, class B, class C> struct Apply<Out, F, 4, A, B, C> {
    static __device__ inline void at(const Args<4> &r, const i64 (&p)[4]) {
        static_cast<Out *>(r.data[0])[p[0]] =
            Element<Out>::store(F::of(r, Element<A>::load(static_cast<const A *>(r.data[1])[p[1]]),
                                      Element<B>::load(static_cast<const B *>(r.data[2])[p[2]]),
                                      Element<C>::load(static_cast<const C *>(r.data[3])[p[3]])));
    }
};
template <class Out, class F, int K, class... In> __device__ inline void dense(const Args<K> &r) {
    for (i64 i = FIRST; i < r.count; i += STRIDE) {
        i64 at[K];
        for (int k = 0; k < K; ++k) at[k] = i;
        Apply<Out, F, K, In...>::at(r, at);
    }
}
template <class Out, class F, int K, class I, class... In> __device__ inline void strided(const Args<K> &r) {
    for (i64 i = FIRST; i < r.count; i += STRIDE) {
        i64 at[K];
        locate<K, I>(r, i, at);
        Apply<Out, F, K, In...>::at(r, at);
    }
}
