/* What the kernels share. */
#ifndef QRIG_Q7_INTERNAL_H
#define QRIG_Q7_INTERNAL_H

#include "arm_nnfunctions.h"

/* Largest shift a 32-bit accumulator takes. */
#define Q7_MAX_SHIFT 31u

/* One axis of a sliding window. */
typedef struct {
    uint16_t in;
    uint16_t out;
    uint16_t kernel;
    uint16_t padding;
    uint16_t stride;
} q7_axis;

/* What is added to an accumulator and how it becomes an output. */
typedef struct {
    const q7_t *bias;
    uint16_t bias_shift;
    uint16_t out_shift;
} q7_output;

/* Widen length values in the order q7_dot_* read them: every four as 0, 2, 1, 3, the rest as is.
 * in may be the upper half of out. */
void q7_widen(const q7_t *in, uint32_t length, q15_t *out);

/* One column (widened) with rows of weights. */
void q7_dot_one_column(const q15_t *column, const q7_t *weights, uint32_t length, uint16_t rows,
                       q7_output output, q7_t *out);

/* Half of the output step, added before the shift: rounds half up. out_shift is at most 31. */
static inline uint32_t q7_rounding(uint32_t out_shift) {
#ifdef ARM_NN_TRUNCATE
    (void)out_shift;
    return 0;
#else
    return (1u << out_shift) >> 1;
#endif
}

/* The accumulator a row starts from: bias and rounding. */
static inline int32_t q7_start(q7_output output, uint32_t row) {
    uint32_t bias = (uint32_t)(int32_t)output.bias[row] << output.bias_shift;
    return (int32_t)(bias + q7_rounding(output.out_shift));
}

/* Whether a pooling along this axis stays inside its input, window by window. */
static inline int q7_pool_axis_valid(q7_axis axis) {
    int32_t last = ((int32_t)axis.out - 1) * axis.stride - axis.padding;
    return axis.in > 0 && axis.out > 0 && axis.kernel > 0 && axis.stride > 0 &&
           axis.out <= axis.in && axis.padding < axis.kernel && last < axis.in;
}

#endif
