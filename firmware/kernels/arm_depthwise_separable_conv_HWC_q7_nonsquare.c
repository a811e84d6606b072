#include "q7_convolution.h"

arm_status arm_depthwise_separable_conv_HWC_q7_nonsquare(
    const q7_t *in, uint16_t dim_in_x, uint16_t dim_in_y, uint16_t ch_in, const q7_t *weights,
    uint16_t ch_out, uint16_t dim_kernel_x, uint16_t dim_kernel_y, uint16_t padding_x,
    uint16_t padding_y, uint16_t stride_x, uint16_t stride_y, const q7_t *bias, uint16_t bias_shift,
    uint16_t out_shift, q7_t *out, uint16_t dim_out_x, uint16_t dim_out_y, q15_t *buffer_a,
    q7_t *buffer_b) {
    (void)buffer_b;
    if (ch_in != ch_out) {
        return ARM_MATH_SIZE_MISMATCH;
    }
    const q7_convolution call = {
        .in = in,
        .weights = weights,
        .bias = bias,
        .out = out,
        .scratch = buffer_a,
        .x = {dim_in_x, dim_out_x, dim_kernel_x, padding_x, stride_x},
        .y = {dim_in_y, dim_out_y, dim_kernel_y, padding_y, stride_y},
        .ch_in = ch_in,
        .ch_out = ch_out,
        .bias_shift = bias_shift,
        .out_shift = out_shift,
    };
    if (!q7_convolution_valid(&call)) {
        return ARM_MATH_SIZE_MISMATCH;
    }
    q7_depthwise_image(&call);
    return ARM_MATH_SUCCESS;
}

size_t arm_depthwise_separable_conv_HWC_q7_nonsquare_buffer_bytes(uint16_t ch_in,
                                                                  uint16_t dim_kernel_x,
                                                                  uint16_t dim_kernel_y) {
    return q7_depthwise_buffer_bytes(ch_in, dim_kernel_x, dim_kernel_y);
}
