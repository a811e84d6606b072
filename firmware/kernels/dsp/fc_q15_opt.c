#include "fc_internal.h"
#include "q15_pass.h"

arm_status fc_q15_opt(const q15_t *vec, const q15_t *weights, uint16_t dim_vec, uint16_t rows,
                      uint16_t bias_shift, uint16_t out_shift, const q15_t *bias, q15_t *out) {
    q15_pass pass;
    q15_begin(&pass, vec, weights, dim_vec, bias, bias_shift, out_shift, out);
    uint32_t left = rows;
    for (; left >= 4; left -= 4) {
        q15_four_interleaved(&pass);
    }
    if (left) {
        q15_rows(&pass, left);
    }
    return ARM_MATH_SUCCESS;
}
