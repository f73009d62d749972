// out[M, N] = a[M, K] b[K, N] per batch.  A group of 8 x 8 work-items makes a tile of 32 x 8 LANES; each
// work-item 4 rows of LANES columns, as vectors.  Sums run over 16 products at a time and are then added
// up: that is quicker than one long chain and loses fewer digits.

#define SIDE 8
#define ROWS 4
#define DEPTH 16
#define M_TILE (SIDE * ROWS)
#define N_TILE (SIDE * LANES)

typedef struct {
    long m, n, k;
    long out_offset, a_offset, b_offset;
    long out_m, out_n, a_m, a_k, b_k, b_n;  // strides
    long size[RANK], out_stride[RANK], a_stride[RANK], b_stride[RANK];  // of the batch dims
} matmul_plan;

kernel void matmul(global S *out, global const S *a, global const S *b, const matmul_plan p) {
    local A left[DEPTH][M_TILE];
    local V right[DEPTH][SIDE];
    local A *flat = (local A *)right;
    const int column = get_local_id(0), row = get_local_id(1), mine = row * SIDE + column;
    const long m0 = get_group_id(1) * M_TILE, n0 = get_group_id(0) * N_TILE;
    long to = p.out_offset, from_a = p.a_offset, from_b = p.b_offset, batch = get_group_id(2);
    for (int d = RANK - 1; d >= 0; d--) {
        const long place = batch % p.size[d];
        batch /= p.size[d];
        to += place * p.out_stride[d];
        from_a += place * p.a_stride[d];
        from_b += place * p.b_stride[d];
    }
    V total[ROWS];
    for (int i = 0; i < ROWS; i++) total[i] = 0;
    for (long k0 = 0; k0 < p.k; k0 += DEPTH) {
        for (int e = mine; e < M_TILE * DEPTH; e += SIDE * SIDE) {
            const long m = m0 + e / DEPTH, k = k0 + e % DEPTH;
            left[e % DEPTH][e / DEPTH] = m < p.m && k < p.k ? (A)LOAD(a, from_a + m * p.a_m + k * p.a_k) : 0;
        }
        for (int e = mine; e < N_TILE * DEPTH; e += SIDE * SIDE) {
            const long n = n0 + e % N_TILE, k = k0 + e / N_TILE;
            flat[e] = n < p.n && k < p.k ? (A)LOAD(b, from_b + k * p.b_k + n * p.b_n) : 0;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        V part[ROWS];
        for (int i = 0; i < ROWS; i++) part[i] = 0;
        for (int k = 0; k < DEPTH; k++)
            for (int i = 0; i < ROWS; i++) part[i] += left[k][row * ROWS + i] * right[k][column];
        for (int i = 0; i < ROWS; i++) total[i] += part[i];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    for (int i = 0; i < ROWS; i++) {
        A sums[LANES];
        VSTORE(total[i], 0, sums);
        const long m = m0 + row * ROWS + i, n = n0 + column * LANES;
        for (int j = 0; j < LANES; j++)
            if (m < p.m && n + j < p.n) STORE(out, to + m * p.out_m + (n + j) * p.out_n, sums[j]);
    }
}
