#include "fc_pass.h"

arm_status fc_mat_q7_vec_q15_opt(const q15_t *vec, const q7_t *weights, uint16_t dim_vec,
                                 uint16_t rows, uint16_t bias_shift, uint16_t out_shift,
                                 const q7_t *bias, q15_t *out) {
    fc_pass pass;
    fc_begin(&pass, vec, FC_HALFWORDS, weights, dim_vec, bias, bias_shift, out_shift, out);
    uint32_t left = rows;
    for (; left >= 4; left -= 4) {
        fc_four_interleaved(&pass);
    }
    if (left) {
        fc_last_rows(&pass, left);
    }
    return ARM_MATH_SUCCESS;
}
