#include "cmsis_nn_adapter.h"

arm_status cmsis_nn_avepool_q7_HWC(q7_t *in, uint16_t dim_in, uint16_t ch, uint16_t dim_kernel,
                                   uint16_t padding, uint16_t stride, uint16_t dim_out,
                                   q7_t *buffer, q7_t *out) {
    (void)buffer;
    arm_avepool_q7_HWC(in, dim_in, ch, dim_kernel, padding, stride, dim_out,
                       (q7_t *)cmsis_nn_pool_buffer, out);
    return ARM_MATH_SUCCESS;
}
