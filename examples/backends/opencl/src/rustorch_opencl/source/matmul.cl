// out[M, N] = a[M, K] b[K, N] per batch.  A group of 8 x 8 work-items makes a tile of 32 x 32; each
// work-item 4 x 4 of it.  Sums run over 16 products at a time and are then added up: that is quicker
// than one long chain and loses fewer digits.

#define TILE 32
#define DEPTH 16
#define SIDE 8
#define PER (TILE / SIDE)

typedef struct {
    long m, n, k;
    long out_offset, a_offset, b_offset;
    long out_m, out_n, a_m, a_k, b_k, b_n;  // strides
    long size[RANK], out_stride[RANK], a_stride[RANK], b_stride[RANK];  // of the batch dims
} matmul_plan;

kernel void matmul(global S *out, global const S *a, global const S *b, const matmul_plan p) {
    local A left[DEPTH][TILE + 1], right[DEPTH][TILE + 1];
    const long column = get_local_id(0), row = get_local_id(1), mine = row * SIDE + column;
    const long m0 = get_group_id(1) * TILE, n0 = get_group_id(0) * TILE;
    long to = p.out_offset, from_a = p.a_offset, from_b = p.b_offset, batch = get_group_id(2);
    for (int d = RANK - 1; d >= 0; d--) {
        const long place = batch % p.size[d];
        batch /= p.size[d];
        to += place * p.out_stride[d];
        from_a += place * p.a_stride[d];
        from_b += place * p.b_stride[d];
    }
    A total[PER][PER];
    for (int i = 0; i < PER; i++)
        for (int j = 0; j < PER; j++) total[i][j] = 0;
    for (long k0 = 0; k0 < p.k; k0 += DEPTH) {
        for (long e = mine; e < TILE * DEPTH; e += SIDE * SIDE) {
            const long m = m0 + e / DEPTH, ka = k0 + e % DEPTH, n = n0 + e % TILE, kb = k0 + e / TILE;
            left[e % DEPTH][e / DEPTH] =
                m < p.m && ka < p.k ? (A)LOAD(a, from_a + m * p.a_m + ka * p.a_k) : 0;
            right[e / TILE][e % TILE] =
                n < p.n && kb < p.k ? (A)LOAD(b, from_b + kb * p.b_k + n * p.b_n) : 0;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        A part[PER][PER];
        for (int i = 0; i < PER; i++)
            for (int j = 0; j < PER; j++) part[i][j] = 0;
        for (int k = 0; k < DEPTH; k++)
            for (int i = 0; i < PER; i++)
                for (int j = 0; j < PER; j++)
                    part[i][j] += left[k][row + i * SIDE] * right[k][column + j * SIDE];
        for (int i = 0; i < PER; i++)
            for (int j = 0; j < PER; j++) total[i][j] += part[i][j];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    for (int i = 0; i < PER; i++)
        for (int j = 0; j < PER; j++) {
            const long m = m0 + row + i * SIDE, n = n0 + column + j * SIDE;
            if (m < p.m && n < p.n) STORE(out, to + m * p.out_m + n * p.out_n, total[i][j]);
        }
}
