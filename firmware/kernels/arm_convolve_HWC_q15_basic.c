#include "q15_internal.h"

arm_status arm_convolve_HWC_q15_basic(const q15_t *in, uint16_t dim_in, uint16_t ch_in,
                                      const q15_t *weights, uint16_t ch_out, uint16_t dim_kernel,
                                      uint16_t padding, uint16_t stride, const q15_t *bias,
                                      uint16_t bias_shift, uint16_t out_shift, q15_t *out,
                                      uint16_t dim_out, q15_t *buffer_a, q7_t *buffer_b) {
    (void)buffer_b;
    if (!q15_valid(ch_in, ch_out, bias_shift, out_shift) ||
        !q15_axis_valid(dim_in, dim_out, dim_kernel, stride)) {
        return ARM_MATH_SIZE_MISMATCH;
    }
    q7_axis axis = {dim_in, dim_out, dim_kernel, padding, stride};
    q15_convolution c = {in,     weights,    bias,      out,  buffer_a, ch_in,
                         ch_out, bias_shift, out_shift, axis, axis};
    q15_convolve_one(&c);
    return ARM_MATH_SUCCESS;
}

size_t arm_convolve_HWC_q15_basic_buffer_bytes(uint16_t ch_in, uint16_t dim_kernel) {
    return (size_t)ch_in * dim_kernel * dim_kernel * sizeof(q15_t);
}
