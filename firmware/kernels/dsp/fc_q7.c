#include "fc_pass.h"

arm_status fc_q7(const q7_t *vec, const q7_t *weights, uint16_t dim_vec, uint16_t rows,
                 uint16_t bias_shift, uint16_t out_shift, const q7_t *bias, q7_t *out,
                 q15_t *vec_buffer) {
    if (rows == 1) {
        int32_t acc = fc_start(*bias, bias_shift, out_shift);
        acc = fc_one_row(vec, FC_BYTES, weights, dim_vec, acc);
        q7_put8(out, acc >> out_shift);
        return ARM_MATH_SUCCESS;
    }
    fc_pass pass;
    fc_begin(&pass, vec, FC_BYTES, weights, dim_vec, bias, bias_shift, out_shift, out);
    uint32_t left = rows;
    if (left >= FC_WIDEN_ROWS && q7_on_word(vec_buffer)) {
        fc_widen(&pass, vec_buffer);
    }
    for (; left >= 4; left -= 4) {
        fc_four_rows(&pass);
    }
    if (left) {
        fc_last_rows(&pass, left);
    }
    return ARM_MATH_SUCCESS;
}
