/* A pass of a vector over rows of 8-bit weights. */
#ifndef QRIG_FC_PASS_H
#define QRIG_FC_PASS_H

#include "fc_internal.h"
#include "q7_simd.h"

/* How the vector lies in memory: bytes; halfwords; halfwords with every four as 0, 2, 1, 3. */
typedef enum { FC_BYTES, FC_HALFWORDS, FC_WIDENED } fc_order;

/* Where a pass stands. The first members are as fc_asm.h loads them: accumulators, the vector, the
 * next row, length / 4, length. Outputs have 16 bits if the vector is given in halfwords, else 8.
 */
typedef struct {
    int32_t acc[4];
    const void *vec;
    const q7_t *row;
    uint32_t steps;
    uint32_t length;
    const q7_t *bias;
    void *out;
    uint32_t bias_shift;
    uint32_t round;
    uint32_t out_shift;
    fc_order order;
} fc_pass;

/* A pass from the first row on. (Assignments: an initialiser would also clear the accumulators.) */
static inline void fc_begin(fc_pass *pass, const void *vec, fc_order order, const q7_t *weights,
                            uint16_t dim_vec, const q7_t *bias, uint16_t bias_shift,
                            uint16_t out_shift, void *out) {
    pass->vec = vec;
    pass->row = weights;
    pass->steps = dim_vec >> 2;
    pass->length = dim_vec;
    pass->bias = bias;
    pass->out = out;
    pass->bias_shift = bias_shift;
    pass->round = q7_rounding(out_shift);
    pass->out_shift = out_shift;
    pass->order = order;
}

/* The next four or two rows, row by row; or four that are interleaved, by blocks of two columns if
 * the vector is FC_HALFWORDS, else of four. */
void fc_four_rows(fc_pass *pass);
void fc_two_rows(fc_pass *pass);
void fc_four_interleaved(fc_pass *pass);

/* The last rows, at most three, of a pass by fours; they are never interleaved. */
void fc_last_rows(fc_pass *pass, uint32_t rows);

/* Has the pass read a widened copy of its bytes; the buffer lies on words. */
void fc_widen(fc_pass *pass, q15_t *vec_buffer);

/* From this many rows on, widening once is cheaper than in every pass over the vector. */
#define FC_WIDEN_ROWS 12

/* Element index of the vector beyond its last four, where no order is changed. */
static inline int32_t fc_element(const void *vec, fc_order order, uint32_t index) {
    return order == FC_BYTES ? ((const q7_t *)vec)[index] : ((const q15_t *)vec)[index];
}

/* Four elements of the vector: 0 and 2 in even, 1 and 3 in odd. Returns where the next lie. */
static inline const void *fc_load(const void *vec, fc_order order, uint32_t *even, uint32_t *odd) {
    uint32_t first = q7_read4(vec);
    if (order == FC_BYTES) {
        *even = q7_sxtb16(first);
        *odd = q7_sxtb16_odd(first);
        return (const q7_t *)vec + 4;
    }
    uint32_t second = q7_read4((const q15_t *)vec + 2);
    *even = order == FC_WIDENED ? first : q7_low_lanes(first, second);
    *odd = order == FC_WIDENED ? second : q7_high_lanes(first, second);
    return (const q15_t *)vec + 4;
}

/* acc + four weights of a row times what fc_load gave. */
static inline int32_t fc_step(int32_t acc, uint32_t weights, uint32_t even, uint32_t odd) {
    acc = q7_smlad(q7_sxtb16(weights), even, acc);
    return q7_smlad(q7_sxtb16_odd(weights), odd, acc);
}

/* acc + one row times the vector. */
static inline int32_t fc_one_row(const void *vec, fc_order order, const q7_t *row, uint32_t length,
                                 int32_t acc) {
    const void *next = vec;
    for (uint32_t steps = length >> 2; steps; steps--) {
        uint32_t even, odd;
        next = fc_load(next, order, &even, &odd);
        acc = fc_step(acc, q7_read4(row), even, odd);
        row += 4;
    }
    if (length & 2u) {
        acc = q7_mla(acc, row[0], fc_element(next, order, 0));
        acc = q7_mla(acc, row[1], fc_element(next, order, 1));
    }
    if (length & 1u) {
        uint32_t last = length & 2u;
        acc = q7_mla(acc, row[last], fc_element(next, order, last));
    }
    return acc;
}

/* The accumulator of row index from here. */
static inline int32_t fc_start_row(const fc_pass *pass, uint32_t index) {
    return (int32_t)(((uint32_t)pass->bias[index] << pass->bias_shift) + pass->round);
}

/* The outputs of four rows, or of two; the pass goes on. */
static inline void fc_put_four(fc_pass *pass, int32_t acc_0, int32_t acc_1, int32_t acc_2,
                               int32_t acc_3) {
    uint32_t shift = pass->out_shift;
    if (pass->order == FC_HALFWORDS) {
        q15_t *out = pass->out;
        q7_put16(out, acc_0 >> shift);
        q7_put16(out + 1, acc_1 >> shift);
        q7_put16(out + 2, acc_2 >> shift);
        q7_put16(out + 3, acc_3 >> shift);
        pass->out = out + 4;
    } else {
        q7_t *out = pass->out;
        q7_put8(out, acc_0 >> shift);
        q7_put8(out + 1, acc_1 >> shift);
        q7_put8(out + 2, acc_2 >> shift);
        q7_put8(out + 3, acc_3 >> shift);
        pass->out = out + 4;
    }
    pass->row += 4 * pass->length;
    pass->bias += 4;
}

static inline void fc_put_two(fc_pass *pass, int32_t acc_0, int32_t acc_1) {
    uint32_t shift = pass->out_shift;
    if (pass->order == FC_HALFWORDS) {
        q15_t *out = pass->out;
        q7_put16(out, acc_0 >> shift);
        q7_put16(out + 1, acc_1 >> shift);
        pass->out = out + 2;
    } else {
        q7_t *out = pass->out;
        q7_put8(out, acc_0 >> shift);
        q7_put8(out + 1, acc_1 >> shift);
        pass->out = out + 2;
    }
    pass->row += 2 * pass->length;
    pass->bias += 2;
}

#endif
