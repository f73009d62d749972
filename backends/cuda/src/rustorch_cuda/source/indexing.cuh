// Reading and writing along one dim at given indices; whole[0] is the step along that dim, whole[1] its
// size, whole[2] its number, whole[3] the code of the op's error.
template <class S> __device__ inline void gather(const Args<3> &r) {  // result, operand (step 0 along dim), index
    for (i64 i = FIRST; i < r.count; i += STRIDE) {
        i64 at[3];
        locate<3, u64>(r, i, at);
        i64 index = static_cast<const i64 *>(r.data[2])[at[2]];
        if (index < 0 || index >= r.whole[1]) fail(r.failure, r.whole[3], index, r.whole[2], r.whole[1]);
        else static_cast<S *>(r.data[0])[at[0]] = static_cast<const S *>(r.data[1])[at[1] + index * r.whole[0]];
    }
}
// A thread owns one line along the dim and goes along it in order: sums come out the same every time, and
// of repeated indices the last is kept.  whole[4..6]: length of the line, steps of index and source along it.
enum Mode { SET, ADD, MAX };
template <class S, Mode MODE> __device__ inline void scatter(const Args<3> &r) {  // result, index, source
    for (i64 line = FIRST; line < r.count; line += STRIDE) {
        i64 at[3];
        locate<3, u64>(r, line, at);
        for (i64 j = 0; j < r.whole[4]; ++j) {
            i64 index = static_cast<const i64 *>(r.data[1])[at[1] + j * r.whole[5]];
            if (index < 0 || index >= r.whole[1]) {
                fail(r.failure, r.whole[3], index, r.whole[2], r.whole[1]);
                continue;
            }
            S *place = static_cast<S *>(r.data[0]) + at[0] + index * r.whole[0];
            S value = static_cast<const S *>(r.data[2])[at[2] + j * r.whole[6]];
            if constexpr (MODE == SET) *place = value;
            else if constexpr (MODE == ADD)
                *place = Element<S>::store(plus(Element<S>::load(*place), Element<S>::load(value)));
            else *place = Element<S>::store(greatest(Element<S>::load(*place), Element<S>::load(value)));
        }
    }
}
