#include "arm_nnfunctions.h"

arm_status arm_convolve_HWC_q7_fast(const q7_t *in, uint16_t dim_in, uint16_t ch_in,
                                    const q7_t *weights, uint16_t ch_out, uint16_t dim_kernel,
                                    uint16_t padding, uint16_t stride, const q7_t *bias,
                                    uint16_t bias_shift, uint16_t out_shift, q7_t *out,
                                    uint16_t dim_out, q15_t *buffer_a, q7_t *buffer_b) {
    return arm_convolve_HWC_q7_basic(in, dim_in, ch_in, weights, ch_out, dim_kernel, padding,
                                     stride, bias, bias_shift, out_shift, out, dim_out, buffer_a,
                                     buffer_b);
}
