/* A pass of a vector, or of windows, over rows of 16-bit weights. */
#ifndef QRIG_Q15_PASS_H
#define QRIG_Q15_PASS_H

#include "q15_internal.h"
#include "q7_simd.h"

/* Where a pass stands. The first members are as fc_asm.h loads them: accumulators, the vector, the
 * next row, length / 4, the distance of rows. Of each row length elements are used. */
typedef struct {
    int32_t acc[4];
    const q15_t *vec;
    const q15_t *row;
    uint32_t steps;
    uint32_t pitch;
    uint32_t length;
    const q15_t *bias;
    q15_t *out;
    uint32_t bias_shift;
    uint32_t round;
    uint32_t out_shift;
} q15_pass;

/* A pass over rows of length elements from the first on. (Assignments: an initialiser would also
 * clear the accumulators.) */
static inline void q15_begin(q15_pass *pass, const q15_t *vec, const q15_t *weights,
                             uint32_t length, const q15_t *bias, uint16_t bias_shift,
                             uint16_t out_shift, q15_t *out) {
    pass->vec = vec;
    pass->row = weights;
    pass->steps = length >> 2;
    pass->pitch = length;
    pass->length = length;
    pass->bias = bias;
    pass->out = out;
    pass->bias_shift = bias_shift;
    pass->round = q7_rounding(out_shift);
    pass->out_shift = out_shift;
}

/* So many rows, row by row. */
void q15_rows(q15_pass *pass, uint32_t rows);

/* The next four rows; or four that are interleaved by two columns. */
void q15_four_rows(q15_pass *pass);
void q15_four_interleaved(q15_pass *pass);

/* So many rows, an even number, times two windows whose words alternate in vec: length elements of
 * each, which is even. The outputs of the second lie behind all of the first. Rows and vec lie on
 * words. */
void q15_two_windows(q15_pass *pass, uint32_t rows);

/* The accumulator of row index from here. */
static inline int32_t q15_start_row(const q15_pass *pass, uint32_t index) {
    return (int32_t)(((uint32_t)pass->bias[index] << pass->bias_shift) + pass->round);
}

/* The outputs of four rows; the pass goes on. */
static inline void q15_put_four(q15_pass *pass, int32_t acc_0, int32_t acc_1, int32_t acc_2,
                                int32_t acc_3) {
    uint32_t shift = pass->out_shift;
    q15_t *out = pass->out;
    q7_put16(out, acc_0 >> shift);
    q7_put16(out + 1, acc_1 >> shift);
    q7_put16(out + 2, acc_2 >> shift);
    q7_put16(out + 3, acc_3 >> shift);
    pass->out = out + 4;
    pass->row += 4 * pass->pitch;
    pass->bias += 4;
}

#endif
