#include "fc_internal.h"
#include "q7_simd.h"

arm_status fc_q15(const q15_t *vec, const q15_t *weights, uint16_t dim_vec, uint16_t rows,
                  uint16_t bias_shift, uint16_t out_shift, const q15_t *bias, q15_t *out) {
    for (uint32_t row = 0; row < rows; row++) {
        int32_t acc = fc_start(bias[row], bias_shift, out_shift);
        for (uint32_t column = 0; column < dim_vec; column++) {
            acc = q7_mla(acc, weights[row * dim_vec + column], vec[column]);
        }
        out[row] = (q15_t)q7_saturate16(acc >> out_shift);
    }
    return ARM_MATH_SUCCESS;
}
