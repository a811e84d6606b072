/* What the q7 convolutions share: one description of a call, and the workers that compute it. */
#ifndef QRIG_Q7_CONVOLUTION_H
#define QRIG_Q7_CONVOLUTION_H

#include "q7_internal.h"

/* One axis of a convolution. Words cost the core less to fill in than halfwords. */
typedef struct {
    uint32_t in;
    uint32_t out;
    uint32_t kernel;
    uint32_t padding;
    uint32_t stride;
} q7_side;

/* A call of a convolution or of a depthwise convolution, where ch_out equals ch_in. */
typedef struct {
    const q7_t *in;
    const q7_t *weights;
    const q7_t *bias;
    q7_t *out;
    q15_t *scratch;
    q7_side x;
    q7_side y;
    uint32_t ch_in;
    uint32_t ch_out;
    uint32_t bias_shift;
    uint32_t out_shift;
} q7_convolution;

/* A call without checks, as an implementation computes it. scratch has as many bytes as the
 * function below says. */
void q7_convolve_image(const q7_convolution *call);
void q7_depthwise_image(const q7_convolution *call);
size_t q7_convolve_buffer_bytes(uint16_t ch_in, uint16_t kernel_x, uint16_t kernel_y);
size_t q7_depthwise_buffer_bytes(uint16_t ch, uint16_t kernel_x, uint16_t kernel_y);

/* A depthwise convolution of fewer taps needs no scratch. */
#define Q7_DEPTHWISE_TABLE_TAPS 4u

/* The convolution straight from its formula, without scratch. */
void q7_convolve_plain(const q7_convolution *call);

/* Whether the sizes, strides and shifts of a call make sense. A product of two 16-bit sizes is zero
 * only if one of them is. */
static inline int q7_convolution_valid(const q7_convolution *call) {
    return call->x.in * call->x.out != 0 && call->x.kernel * call->x.stride != 0 &&
           call->y.in * call->y.out != 0 && call->y.kernel * call->y.stride != 0 &&
           call->ch_in * call->ch_out != 0 && (call->bias_shift | call->out_shift) <= Q7_MAX_SHIFT;
}

/* The accumulator of an output channel before its products: bias and rounding. */
static inline int32_t q7_convolution_start(const q7_convolution *call, uint32_t channel) {
    uint32_t bias = (uint32_t)(int32_t)call->bias[channel] << call->bias_shift;
    return (int32_t)(bias + q7_rounding(call->out_shift));
}

#endif
