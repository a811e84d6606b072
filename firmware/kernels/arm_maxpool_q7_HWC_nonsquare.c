#include "q7_internal.h"
#include "q7_simd.h"

/* target = max(target, source), byte by byte. */
static void max_into(q7_t *target, const q7_t *source, uint32_t length) {
    for (uint32_t fours = length >> 2; fours; fours--) {
        q7_write4(target, q7_max4(q7_read4(target), q7_read4(source)));
        target += 4;
        source += 4;
    }
    for (uint32_t rest = length & 3u; rest; rest--) {
        if (*source > *target) {
            *target = *source;
        }
        target++;
        source++;
    }
}

/* One row along x, in place: column i of the result over column i of the input. */
static void pool_row(q7_t *row, q7_axis x, uint16_t ch) {
    for (uint16_t i = 0; i < x.out; i++) {
        int32_t start = (int32_t)i * x.stride - x.padding;
        int32_t stop = start + x.kernel < x.in ? start + x.kernel : x.in;
        int32_t first = start < 0 ? i : start;
        q7_t *target = row + (uint32_t)i * ch;
        memmove(target, row + (uint32_t)first * ch, ch);
        for (int32_t column = first + 1; column < stop; column++) {
            max_into(target, row + (uint32_t)column * ch, ch);
        }
    }
}

arm_status arm_maxpool_q7_HWC_nonsquare(q7_t *in, uint16_t dim_in_x, uint16_t dim_in_y, uint16_t ch,
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
        q7_t *target = out + i * out_bytes;
        memcpy(target, in + (uint32_t)first * pitch, out_bytes);
        for (int32_t row = first + 1; row < stop; row++) {
            max_into(target, in + (uint32_t)row * pitch, out_bytes);
        }
    }
    return ARM_MATH_SUCCESS;
}
