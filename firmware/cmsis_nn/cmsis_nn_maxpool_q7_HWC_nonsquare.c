#include "cmsis_nn_adapter.h"

arm_status cmsis_nn_maxpool_q7_HWC_nonsquare(q7_t *in, uint16_t dim_in_x, uint16_t dim_in_y,
                                             uint16_t ch, uint16_t dim_kernel_x,
                                             uint16_t dim_kernel_y, uint16_t padding_x,
                                             uint16_t padding_y, uint16_t stride_x,
                                             uint16_t stride_y, uint16_t dim_out_x,
                                             uint16_t dim_out_y, q7_t *buffer, q7_t *out) {
    if (dim_in_x != dim_in_y || dim_kernel_x != dim_kernel_y || padding_x != padding_y ||
        stride_x != stride_y || dim_out_x != dim_out_y) {
        return ARM_MATH_SIZE_MISMATCH;
    }
    return cmsis_nn_maxpool_q7_HWC(in, dim_in_x, ch, dim_kernel_x, padding_x, stride_x, dim_out_x,
                                   buffer, out);
}
