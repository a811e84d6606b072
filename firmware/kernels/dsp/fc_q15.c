#include "fc_internal.h"
#include "q15_pass.h"

arm_status fc_q15(const q15_t *vec, const q15_t *weights, uint16_t dim_vec, uint16_t rows,
                  uint16_t bias_shift, uint16_t out_shift, const q15_t *bias, q15_t *out) {
    q15_pass pass;
    q15_begin(&pass, vec, weights, dim_vec, bias, bias_shift, out_shift, out);
    q15_rows(&pass, rows);
    return ARM_MATH_SUCCESS;
}
