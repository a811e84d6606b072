/* What the 16-bit convolutions share. */
#ifndef QRIG_Q15_INTERNAL_H
#define QRIG_Q15_INTERNAL_H

#include "q7_internal.h"

/* One convolution: tensors HWC and OHWI; columns is the scratch. */
typedef struct {
    const q15_t *in;
    const q15_t *weights;
    const q15_t *bias;
    q15_t *out;
    q15_t *columns;
    uint16_t ch_in;
    uint16_t ch_out;
    uint16_t bias_shift;
    uint16_t out_shift;
    q7_axis x;
    q7_axis y;
} q15_convolution;

/* The implementation, for good arguments; columns has room for one window or for two. */
void q15_convolve_one(const q15_convolution *c);
void q15_convolve_two(const q15_convolution *c);

/* Whether a convolution is defined along this axis: any padding is. */
static inline int q15_axis_valid(uint16_t in, uint16_t out, uint16_t kernel, uint16_t stride) {
    return in != 0 && out != 0 && kernel != 0 && stride != 0;
}

static inline int q15_valid(uint16_t ch_in, uint16_t ch_out, uint16_t bias_shift,
                            uint16_t out_shift) {
    return ch_in != 0 && ch_out != 0 && bias_shift <= Q7_MAX_SHIFT && out_shift <= Q7_MAX_SHIFT;
}

/* The accumulator an output starts from. */
static inline int32_t q15_start(q15_t bias, uint16_t bias_shift, uint16_t out_shift) {
    return (int32_t)(((uint32_t)(int32_t)bias << bias_shift) + q7_rounding(out_shift));
}

#endif
