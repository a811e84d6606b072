#include "q15_internal.h"

arm_status arm_convolve_HWC_q15_fast_nonsquare(
    const q15_t *in, uint16_t dim_in_x, uint16_t dim_in_y, uint16_t ch_in, const q15_t *weights,
    uint16_t ch_out, uint16_t dim_kernel_x, uint16_t dim_kernel_y, uint16_t padding_x,
    uint16_t padding_y, uint16_t stride_x, uint16_t stride_y, const q15_t *bias,
    uint16_t bias_shift, uint16_t out_shift, q15_t *out, uint16_t dim_out_x, uint16_t dim_out_y,
    q15_t *buffer_a, q7_t *buffer_b) {
    (void)buffer_b;
    if (ch_in % 2 != 0 || ch_out % 2 != 0 || !q15_valid(ch_in, ch_out, bias_shift, out_shift) ||
        !q15_axis_valid(dim_in_x, dim_out_x, dim_kernel_x, stride_x) ||
        !q15_axis_valid(dim_in_y, dim_out_y, dim_kernel_y, stride_y)) {
        return ARM_MATH_SIZE_MISMATCH;
    }
    q7_axis x = {dim_in_x, dim_out_x, dim_kernel_x, padding_x, stride_x};
    q7_axis y = {dim_in_y, dim_out_y, dim_kernel_y, padding_y, stride_y};
    q15_convolution c = {in,     weights,    bias,      out, buffer_a, ch_in,
                         ch_out, bias_shift, out_shift, x,   y};
    q15_convolve_two(&c);
    return ARM_MATH_SUCCESS;
}

size_t arm_convolve_HWC_q15_fast_nonsquare_buffer_bytes(uint16_t ch_in, uint16_t dim_kernel_x,
                                                        uint16_t dim_kernel_y) {
    return (size_t)2 * ch_in * dim_kernel_x * dim_kernel_y * sizeof(q15_t);
}
