#include "arm_nnsupportfunctions.h"

arm_status arm_convolve_HWC_q7_basic(const q7_t *in, uint16_t dim_in, uint16_t ch_in,
                                     const q7_t *weights, uint16_t ch_out, uint16_t dim_kernel,
                                     uint16_t padding, uint16_t stride, const q7_t *bias,
                                     uint16_t bias_shift, uint16_t out_shift, q7_t *out,
                                     uint16_t dim_out, q15_t *buffer_a, q7_t *buffer_b) {
    (void)buffer_a;
    (void)buffer_b;
    for (int y = 0; y < dim_out; y++) {
        for (int x = 0; x < dim_out; x++) {
            for (int o = 0; o < ch_out; o++) {
                int32_t sum = bias[o] * (1 << bias_shift) + ROUND(out_shift);
                const q7_t *weight = weights + o * dim_kernel * dim_kernel * ch_in;
                for (int tap = 0; tap < dim_kernel * dim_kernel; tap++, weight += ch_in) {
                    int row = y * stride - padding + tap / dim_kernel;
                    int column = x * stride - padding + tap % dim_kernel;
                    if (row < 0 || row >= dim_in || column < 0 || column >= dim_in) {
                        continue;
                    }
                    for (int c = 0; c < ch_in; c++) {
                        sum += in[(row * dim_in + column) * ch_in + c] * weight[c];
                    }
                }
                *out++ = saturate(sum >> out_shift);
            }
        }
    }
    return ARM_MATH_SUCCESS;
}
