#include "pooling.h"

arm_status arm_maxpool_q7_HWC_nonsquare(q7_t *in, uint16_t dim_in_x, uint16_t dim_in_y, uint16_t ch,
                                        uint16_t dim_kernel_x, uint16_t dim_kernel_y,
                                        uint16_t padding_x, uint16_t padding_y, uint16_t stride_x,
                                        uint16_t stride_y, uint16_t dim_out_x, uint16_t dim_out_y,
                                        q7_t *buffer, q7_t *out) {
    (void)buffer;
    q7_pool pool = {{dim_in_x, dim_out_x, dim_kernel_x, padding_x, stride_x},
                    {dim_in_y, dim_out_y, dim_kernel_y, padding_y, stride_y},
                    ch};
    if (!q7_pool_valid(&pool)) {
        return ARM_MATH_SIZE_MISMATCH;
    }
#ifdef QRIG_POOLING_C
    q7_maxpool_windows(in, &pool, out);
#else
    q7_maxpool_in_place(in, &pool, out);
#endif
    return ARM_MATH_SUCCESS;
}
