#include "fc_internal.h"

arm_status arm_fully_connected_q7(const q7_t *vec, const q7_t *weights, uint16_t dim_vec,
                                  uint16_t rows, uint16_t bias_shift, uint16_t out_shift,
                                  const q7_t *bias, q7_t *out, q15_t *vec_buffer) {
    if (!fc_valid(dim_vec, rows, bias_shift, out_shift)) {
        return ARM_MATH_SIZE_MISMATCH;
    }
    return fc_q7(vec, weights, dim_vec, rows, bias_shift, out_shift, bias, out, vec_buffer);
}

size_t arm_fully_connected_q7_buffer_bytes(uint16_t dim_vec) {
    return (size_t)dim_vec * sizeof(q15_t);
}
