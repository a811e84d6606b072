#include "q7_convolution.h"

arm_status arm_convolve_HWC_q7_RGB(const q7_t *in, uint16_t dim_in, uint16_t ch_in,
                                   const q7_t *weights, uint16_t ch_out, uint16_t dim_kernel,
                                   uint16_t padding, uint16_t stride, const q7_t *bias,
                                   uint16_t bias_shift, uint16_t out_shift, q7_t *out,
                                   uint16_t dim_out, q15_t *buffer_a, q7_t *buffer_b) {
    (void)buffer_b;
    if (ch_in != 3) {
        return ARM_MATH_SIZE_MISMATCH;
    }
    const q7_convolution call = {
        .in = in,
        .weights = weights,
        .bias = bias,
        .out = out,
        .scratch = buffer_a,
        .x = {dim_in, dim_out, dim_kernel, padding, stride},
        .y = {dim_in, dim_out, dim_kernel, padding, stride},
        .ch_in = ch_in,
        .ch_out = ch_out,
        .bias_shift = bias_shift,
        .out_shift = out_shift,
    };
    if (!q7_convolution_valid(&call)) {
        return ARM_MATH_SIZE_MISMATCH;
    }
    q7_convolve_image(&call);
    return ARM_MATH_SUCCESS;
}

size_t arm_convolve_HWC_q7_RGB_buffer_bytes(uint16_t ch_in, uint16_t dim_kernel) {
    return q7_convolve_buffer_bytes(ch_in, dim_kernel, dim_kernel);
}
