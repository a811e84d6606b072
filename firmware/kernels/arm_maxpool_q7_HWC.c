#include "arm_nnfunctions.h"

arm_status arm_maxpool_q7_HWC(q7_t *in, uint16_t dim_in, uint16_t ch, uint16_t dim_kernel,
                              uint16_t padding, uint16_t stride, uint16_t dim_out, q7_t *buffer,
                              q7_t *out) {
    return arm_maxpool_q7_HWC_nonsquare(in, dim_in, dim_in, ch, dim_kernel, dim_kernel, padding,
                                        padding, stride, stride, dim_out, dim_out, buffer, out);
}
