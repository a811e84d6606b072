/* Workers of the fully connected layers: the arguments of the public functions, already checked
 * by fc_valid. They always succeed; returning that here lets the public function end in a jump. */
#ifndef QRIG_FC_INTERNAL_H
#define QRIG_FC_INTERNAL_H

#include "q7_internal.h"

static inline int fc_valid(uint16_t dim_vec, uint16_t rows, uint16_t bias_shift,
                           uint16_t out_shift) {
    return dim_vec != 0 && rows != 0 && bias_shift <= Q7_MAX_SHIFT && out_shift <= Q7_MAX_SHIFT;
}

/* The accumulator a row starts from. */
static inline int32_t fc_start(int32_t bias, uint16_t bias_shift, uint16_t out_shift) {
    return (int32_t)(((uint32_t)bias << bias_shift) + q7_rounding(out_shift));
}

arm_status fc_q7(const q7_t *vec, const q7_t *weights, uint16_t dim_vec, uint16_t rows,
                 uint16_t bias_shift, uint16_t out_shift, const q7_t *bias, q7_t *out,
                 q15_t *vec_buffer);

arm_status fc_q7_opt(const q7_t *vec, const q7_t *weights, uint16_t dim_vec, uint16_t rows,
                     uint16_t bias_shift, uint16_t out_shift, const q7_t *bias, q7_t *out,
                     q15_t *vec_buffer);

arm_status fc_q15(const q15_t *vec, const q15_t *weights, uint16_t dim_vec, uint16_t rows,
                  uint16_t bias_shift, uint16_t out_shift, const q15_t *bias, q15_t *out);

arm_status fc_q15_opt(const q15_t *vec, const q15_t *weights, uint16_t dim_vec, uint16_t rows,
                      uint16_t bias_shift, uint16_t out_shift, const q15_t *bias, q15_t *out);

arm_status fc_mat_q7_vec_q15(const q15_t *vec, const q7_t *weights, uint16_t dim_vec, uint16_t rows,
                             uint16_t bias_shift, uint16_t out_shift, const q7_t *bias, q15_t *out);

arm_status fc_mat_q7_vec_q15_opt(const q15_t *vec, const q7_t *weights, uint16_t dim_vec,
                                 uint16_t rows, uint16_t bias_shift, uint16_t out_shift,
                                 const q7_t *bias, q15_t *out);

#endif
