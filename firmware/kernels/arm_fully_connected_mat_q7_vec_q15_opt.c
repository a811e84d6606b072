#include "fc_internal.h"

arm_status arm_fully_connected_mat_q7_vec_q15_opt(const q15_t *vec, const q7_t *weights,
                                                  uint16_t dim_vec, uint16_t rows,
                                                  uint16_t bias_shift, uint16_t out_shift,
                                                  const q7_t *bias, q15_t *out, q15_t *vec_buffer) {
    (void)vec_buffer;
    if (!fc_valid(dim_vec, rows, bias_shift, out_shift)) {
        return ARM_MATH_SIZE_MISMATCH;
    }
    return fc_mat_q7_vec_q15_opt(vec, weights, dim_vec, rows, bias_shift, out_shift, bias, out);
}

size_t arm_fully_connected_mat_q7_vec_q15_opt_buffer_bytes(uint16_t dim_vec) {
    (void)dim_vec;
    return 0;
}
