#include "q7_internal.h"

arm_status arm_convolve_HWC_q7_basic(const q7_t *in, uint16_t dim_in, uint16_t ch_in,
                                     const q7_t *weights, uint16_t ch_out, uint16_t dim_kernel,
                                     uint16_t padding, uint16_t stride, const q7_t *bias,
                                     uint16_t bias_shift, uint16_t out_shift, q7_t *out,
                                     uint16_t dim_out, q15_t *buffer_a, q7_t *buffer_b) {
    (void)buffer_b;
    q7_axis axis = {dim_in, dim_out, dim_kernel, padding, stride};
    q7_output output = {bias, bias_shift, out_shift};
    return q7_convolve(in, axis, axis, ch_in, weights, ch_out, output, out, buffer_a);
}

size_t arm_convolve_HWC_q7_basic_buffer_bytes(uint16_t ch_in, uint16_t dim_kernel) {
    return q7_convolve_buffer_bytes(ch_in, dim_kernel, dim_kernel);
}
