#include "fc_pass.h"

arm_status fc_q7_opt(const q7_t *vec, const q7_t *weights, uint16_t dim_vec, uint16_t rows,
                     uint16_t bias_shift, uint16_t out_shift, const q7_t *bias, q7_t *out,
                     q15_t *vec_buffer) {
    fc_pass pass;
    fc_begin(&pass, vec, FC_BYTES, weights, dim_vec, bias, bias_shift, out_shift, out);
    if (rows >= FC_WIDEN_ROWS && q7_on_word(vec_buffer)) {
        fc_widen(&pass, vec_buffer);
    }
    uint32_t left = rows;
    for (; left >= 4; left -= 4) {
        fc_four_interleaved(&pass);
    }
    if (left) {
        fc_last_rows(&pass, left);
    }
    return ARM_MATH_SUCCESS;
}
