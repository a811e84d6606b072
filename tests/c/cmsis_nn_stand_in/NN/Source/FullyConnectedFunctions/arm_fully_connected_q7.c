#include "arm_nnfunctions.h"

/* A vector is an image of one pixel. */
arm_status arm_fully_connected_q7(const q7_t *vec, const q7_t *weights, uint16_t dim_vec,
                                  uint16_t rows, uint16_t bias_shift, uint16_t out_shift,
                                  const q7_t *bias, q7_t *out, q15_t *vec_buffer) {
    return arm_convolve_HWC_q7_basic(vec, 1, dim_vec, weights, rows, 1, 0, 1, bias, bias_shift,
                                     out_shift, out, 1, vec_buffer, 0);
}
