#include "q7_internal.h"

arm_status arm_convolve_HWC_q7_basic_nonsquare(
    const q7_t *in, uint16_t dim_in_x, uint16_t dim_in_y, uint16_t ch_in, const q7_t *weights,
    uint16_t ch_out, uint16_t dim_kernel_x, uint16_t dim_kernel_y, uint16_t padding_x,
    uint16_t padding_y, uint16_t stride_x, uint16_t stride_y, const q7_t *bias, uint16_t bias_shift,
    uint16_t out_shift, q7_t *out, uint16_t dim_out_x, uint16_t dim_out_y, q15_t *buffer_a,
    q7_t *buffer_b) {
    (void)buffer_b;
    q7_axis x = {dim_in_x, dim_out_x, dim_kernel_x, padding_x, stride_x};
    q7_axis y = {dim_in_y, dim_out_y, dim_kernel_y, padding_y, stride_y};
    q7_output output = {bias, bias_shift, out_shift};
    return q7_convolve(in, x, y, ch_in, weights, ch_out, output, out, buffer_a);
}

size_t arm_convolve_HWC_q7_basic_nonsquare_buffer_bytes(uint16_t ch_in, uint16_t dim_kernel_x,
                                                        uint16_t dim_kernel_y) {
    return q7_convolve_buffer_bytes(ch_in, dim_kernel_x, dim_kernel_y);
}
