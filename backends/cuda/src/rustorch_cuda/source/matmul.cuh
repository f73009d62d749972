// Matrix products of integers, which no library has: one thread per element of the result.
// Space: the batch dims, rows and columns of the result; whole[0] = K, whole[1..2]: steps of a and b along it.
template <class S> __device__ inline void matmul(const Args<3> &r) {
    for (i64 i = FIRST; i < r.count; i += STRIDE) {
        i64 at[3];
        locate<3, u64>(r, i, at);
        const S *a = static_cast<const S *>(r.data[1]) + at[1], *b = static_cast<const S *>(r.data[2]) + at[2];
        typename Element<S>::wide total = Element<S>::load(S{});
        for (i64 k = 0; k < r.whole[0]; ++k)
            total = plus(total, times(Element<S>::load(a[k * r.whole[1]]), Element<S>::load(b[k * r.whole[2]])));
        static_cast<S *>(r.data[0])[at[0]] = Element<S>::store(total);
    }
}
