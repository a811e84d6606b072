#include "q7_internal.h"

arm_status arm_fully_connected_q7(const q7_t *vec, const q7_t *weights, uint16_t dim_vec,
                                  uint16_t rows, uint16_t bias_shift, uint16_t out_shift,
                                  const q7_t *bias, q7_t *out, q15_t *vec_buffer) {
    if (dim_vec == 0 || rows == 0 || bias_shift > Q7_MAX_SHIFT || out_shift > Q7_MAX_SHIFT) {
        return ARM_MATH_SIZE_MISMATCH;
    }
    q7_output output = {bias, bias_shift, out_shift};
    q7_widen(vec, dim_vec, vec_buffer);
    q7_dot_one_column(vec_buffer, weights, dim_vec, rows, output, out);
    return ARM_MATH_SUCCESS;
}

size_t arm_fully_connected_q7_buffer_bytes(uint16_t dim_vec) {
    return (size_t)dim_vec * sizeof(q15_t);
}
