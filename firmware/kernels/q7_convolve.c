#include "q7_internal.h"
#include <string.h>

/* Columns of a row of the window that lie inside the image, and what is left and right of it. */
typedef struct {
    uint32_t left;
    uint32_t inside;
    uint32_t right;
    int32_t first;
} span;

static span clip(q7_axis axis, uint16_t position) {
    int32_t start = (int32_t)position * axis.stride - axis.padding;
    int32_t stop = start + axis.kernel;
    int32_t first = start < 0 ? 0 : start;
    int32_t end = stop > axis.in ? axis.in : stop;
    if (first >= end) {
        return (span){axis.kernel, 0, 0, 0};
    }
    return (span){(uint32_t)(first - start), (uint32_t)(end - first), (uint32_t)(stop - end),
                  first};
}

/* Gather the window of one output pixel and widen it. The bytes wait in the upper half of the
 * column itself: widening never overtakes them. */
static void gather(const q7_t *in, q7_axis x, q7_axis y, uint16_t ch_in, uint16_t out_x,
                   uint16_t out_y, uint32_t length, q15_t *column) {
    q7_t *bytes = (q7_t *)column + length;
    q7_t *next = bytes;
    span across = clip(x, out_x);
    uint32_t row_bytes = (uint32_t)x.kernel * ch_in;
    int32_t row = (int32_t)out_y * y.stride - y.padding;
    for (uint16_t k = 0; k < y.kernel; k++, row++) {
        if (row < 0 || row >= y.in || across.inside == 0) {
            memset(next, 0, row_bytes);
        } else {
            const q7_t *source = in + ((uint32_t)row * x.in + (uint32_t)across.first) * ch_in;
            memset(next, 0, across.left * ch_in);
            memcpy(next + across.left * ch_in, source, across.inside * ch_in);
            memset(next + row_bytes - across.right * ch_in, 0, across.right * ch_in);
        }
        next += row_bytes;
    }
    q7_widen(bytes, length, column);
}

static int axis_valid(q7_axis axis) {
    return axis.in > 0 && axis.out > 0 && axis.kernel > 0 && axis.stride > 0;
}

arm_status q7_convolve(const q7_t *in, q7_axis x, q7_axis y, uint16_t ch_in, const q7_t *weights,
                       uint16_t ch_out, q7_output output, q7_t *out, q15_t *columns) {
    if (!axis_valid(x) || !axis_valid(y) || ch_in == 0 || ch_out == 0 ||
        output.bias_shift > Q7_MAX_SHIFT || output.out_shift > Q7_MAX_SHIFT) {
        return ARM_MATH_SIZE_MISMATCH;
    }
    uint32_t length = (uint32_t)x.kernel * y.kernel * ch_in;
    uint32_t waiting = 0;
    for (uint16_t out_y = 0; out_y < y.out; out_y++) {
        for (uint16_t out_x = 0; out_x < x.out; out_x++) {
            gather(in, x, y, ch_in, out_x, out_y, length, columns + waiting * length);
            if (++waiting == 2) {
                q7_dot_two_columns(columns, weights, length, ch_out, output, out, out + ch_out);
                out += 2 * (uint32_t)ch_out;
                waiting = 0;
            }
        }
    }
    if (waiting) {
        q7_dot_one_column(columns, weights, length, ch_out, output, out);
    }
    return ARM_MATH_SUCCESS;
}

size_t q7_convolve_buffer_bytes(uint16_t ch_in, uint16_t kernel_x, uint16_t kernel_y) {
    return (size_t)2 * ch_in * kernel_x * kernel_y * sizeof(q15_t);
}
