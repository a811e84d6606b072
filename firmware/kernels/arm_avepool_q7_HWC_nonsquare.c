#include "q7_internal.h"

/* The mean of count values, pitch apart, truncated toward zero. */
static q7_t mean(const q7_t *values, uint32_t pitch, int32_t count) {
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++) {
        sum += *values;
        values += pitch;
    }
    return (q7_t)(sum / count);
}

/* One row along x, in place: column i of the result over column i of the input. */
static void pool_row(q7_t *row, q7_axis x, uint16_t ch) {
    for (uint16_t i = 0; i < x.out; i++) {
        int32_t start = (int32_t)i * x.stride - x.padding;
        int32_t stop = start + x.kernel < x.in ? start + x.kernel : x.in;
        int32_t first = start < 0 ? i : start;
        const q7_t *window = row + (uint32_t)first * ch;
        q7_t *target = row + (uint32_t)i * ch;
        for (uint16_t c = 0; c < ch; c++) {
            target[c] = mean(window + c, ch, stop - first);
        }
    }
}

arm_status arm_avepool_q7_HWC_nonsquare(q7_t *in, uint16_t dim_in_x, uint16_t dim_in_y, uint16_t ch,
                                        uint16_t dim_kernel_x, uint16_t dim_kernel_y,
                                        uint16_t padding_x, uint16_t padding_y, uint16_t stride_x,
                                        uint16_t stride_y, uint16_t dim_out_x, uint16_t dim_out_y,
                                        q7_t *buffer, q7_t *out) {
    (void)buffer;
    q7_axis x = {dim_in_x, dim_out_x, dim_kernel_x, padding_x, stride_x};
    q7_axis y = {dim_in_y, dim_out_y, dim_kernel_y, padding_y, stride_y};
    if (!q7_pool_axis_valid(x) || !q7_pool_axis_valid(y) || ch == 0) {
        return ARM_MATH_SIZE_MISMATCH;
    }
    uint32_t pitch = (uint32_t)dim_in_x * ch;
    uint32_t out_bytes = (uint32_t)dim_out_x * ch;
    for (uint16_t row = 0; row < dim_in_y; row++) {
        pool_row(in + row * pitch, x, ch);
    }
    for (uint16_t i = 0; i < dim_out_y; i++) {
        int32_t start = (int32_t)i * stride_y - padding_y;
        int32_t stop = start + dim_kernel_y < dim_in_y ? start + dim_kernel_y : dim_in_y;
        int32_t first = start < 0 ? 0 : start;
        for (uint32_t k = 0; k < out_bytes; k++) {
            *out++ = mean(in + (uint32_t)first * pitch + k, pitch, stop - first);
        }
    }
    return ARM_MATH_SUCCESS;
}
