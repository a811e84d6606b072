/* Poolings of one channel's plane: rows of bytes, `pitch` apart. All are meant to be inlined with
 * constant arguments; the fast forms are chosen then. Windows have no padding and are clipped to
 * the image, as in arm_maxpool_q7_HWC and arm_avepool_q7_HWC. */
#ifndef QRIG_PLANES_H
#define QRIG_PLANES_H

#include "qrig_lanes.h"
#include <string.h>

/* A pooling along one axis. */
typedef struct {
    uint16_t in;
    uint16_t out;
    uint16_t kernel;
    uint16_t stride;
} plane_axis;

/* A plane and how its rows lie. */
typedef struct {
    q7_t *data;
    uint32_t pitch;
} plane_rows;

static inline uint32_t plane_stop(plane_axis axis, uint32_t start) {
    return start + axis.kernel < axis.in ? start + axis.kernel : axis.in;
}

/* Whether a pooling halves a row and can be done in words of four. */
static inline int plane_halves(plane_axis x, plane_axis y) {
    return x.stride == 2 && (x.kernel == 2 || x.kernel == 3) && x.in % 8 == 0 &&
           x.out == x.in / 2 && y.kernel <= 3;
}

/* Four outputs from two words whose bytes 0 and 2 are outputs. */
static inline uint32_t plane_gather(uint32_t first, uint32_t second) {
    uint32_t low = lanes_even(first), high = lanes_even(second);
    return ((low | low >> 8) & 0xffffu) | (high | high >> 8) << 16;
}

/* The greatest of the rows from start to stop, four columns. */
static inline uint32_t plane_column_max(const q7_t *in, uint32_t pitch, uint32_t rows) {
    uint32_t most = q7_read4(in);
    if (rows > 1) {
        most = q7_max4(most, q7_read4(in + pitch));
    }
    if (rows > 2) {
        most = q7_max4(most, q7_read4(in + 2 * pitch));
    }
    return most;
}

/* One row of outputs of a halving max pooling over `rows` rows. */
__attribute__((always_inline)) static inline void
plane_max_row(const q7_t *in, uint32_t pitch, plane_axis x, uint32_t rows, q7_t *out) {
    uint32_t words[2];
    uint32_t here = plane_column_max(in, pitch, rows);
#pragma GCC unroll 16
    for (uint32_t i = 0; i < x.in / 4u; i++) {
        uint32_t next = 0x80808080u;
        if (i + 1 < x.in / 4u) {
            next = plane_column_max(in + 4 * (i + 1), pitch, rows);
        }
        uint32_t most = q7_max4(here, here >> 8);
        if (x.kernel == 3) {
            most = q7_max4(most, here >> 16 | next << 16);
        }
        words[i % 2] = most;
        if (i % 2) {
            q7_write4(out + 2 * (i - 1), plane_gather(words[0], words[1]));
        }
        here = next;
    }
}

__attribute__((always_inline)) static inline void plane_max_halved(plane_rows in, plane_rows out,
                                                                   plane_axis x, plane_axis y) {
    uint32_t row = 0;
    for (; row < y.out && row * y.stride + y.kernel <= y.in; row++) {
        plane_max_row(in.data + row * y.stride * in.pitch, in.pitch, x, y.kernel,
                      out.data + row * out.pitch);
    }
    for (; row < y.out; row++) {
        uint32_t start = row * y.stride;
        uint32_t left = y.in - start;
        const q7_t *from = in.data + start * in.pitch;
        q7_t *to = out.data + row * out.pitch;
        if (left == 1) {
            plane_max_row(from, in.pitch, x, 1, to);
        } else {
            plane_max_row(from, in.pitch, x, 2, to);
        }
    }
}

/* Max pooling of a plane; out may be in. */
__attribute__((always_inline)) static inline void plane_maxpool(plane_rows in, plane_rows out,
                                                                plane_axis x, plane_axis y) {
    if (plane_halves(x, y)) {
        plane_max_halved(in, out, x, y);
        return;
    }
    for (uint32_t i = 0; i < y.out; i++) {
        for (uint32_t j = 0; j < x.out; j++) {
            q7_t most = in.data[i * y.stride * in.pitch + j * x.stride];
            for (uint32_t row = i * y.stride; row < plane_stop(y, i * y.stride); row++) {
                for (uint32_t k = j * x.stride; k < plane_stop(x, j * x.stride); k++) {
                    q7_t value = in.data[row * in.pitch + k];
                    most = value > most ? value : most;
                }
            }
            out.data[i * out.pitch + j] = most;
        }
    }
}

/* Both lanes divided by 2 or 3; lanes of at most 381. 171 / 512 is exact up to 511. */
static inline uint32_t plane_divide(uint32_t lanes, uint32_t count) {
    if (count == 1) {
        return lanes;
    }
    return (count == 2 ? lanes >> 1 : (lanes * 171u) >> 9) & 0x007f007fu;
}

/* Means along x of one row of values of at least 0: lanes of two outputs. */
__attribute__((always_inline)) static inline void plane_mean_row(const q7_t *in, plane_axis x,
                                                                 uint32_t *out) {
    uint32_t word = q7_read4(in);
#pragma GCC unroll 16
    for (uint32_t i = 0; i < x.in / 4u; i++) {
        uint32_t even = lanes_even(word), sum = even + lanes_odd(word);
        if (x.kernel == 2) {
            out[i] = plane_divide(sum, 2);
            word = i + 1 < x.in / 4u ? q7_read4(in + 4 * (i + 1)) : 0;
        } else if (i + 1 < x.in / 4u) {
            word = q7_read4(in + 4 * (i + 1));
            out[i] = plane_divide(sum + (even >> 16 | (word << 16 & 0x00ff0000u)), 3);
        } else {
            uint32_t inner = plane_divide(sum + (even >> 16), 3);
            out[i] = (inner & 0xffffu) | sum >> 17 << 16;
        }
    }
}

/* Halving average pooling of values of at least 0, in the DSP form: along x, then along y. */
__attribute__((always_inline)) static inline void plane_mean_halved(plane_rows in, plane_rows out,
                                                                    plane_axis x, plane_axis y) {
    uint32_t means[3][16];
    uint32_t ready = 0;
    for (uint32_t i = 0; i < y.out; i++) {
        uint32_t start = i * y.stride;
        uint32_t count = plane_stop(y, start) - start;
        for (ready = ready > start ? ready : start; ready < start + count; ready++) {
            plane_mean_row(in.data + ready * in.pitch, x, means[ready % 3]);
        }
        const uint32_t *a = means[start % 3], *b = means[(start + 1) % 3];
        const uint32_t *c = means[(start + 2) % 3];
        for (uint32_t k = 0; k < x.in / 4u; k += 2) {
            uint32_t low = a[k], high = a[k + 1];
            if (count > 1) {
                low += b[k];
                high += b[k + 1];
            }
            if (count > 2) {
                low += c[k];
                high += c[k + 1];
            }
            low = plane_divide(low, count);
            high = plane_divide(high, count);
            q7_write4(out.data + i * out.pitch + 2 * k, plane_gather(low, high));
        }
    }
}

/* One average. */
static inline q7_t plane_mean(plane_rows in, plane_axis x, plane_axis y, uint32_t left,
                              uint32_t top) {
    int32_t columns = (int32_t)(plane_stop(x, left) - left);
    int32_t rows = (int32_t)(plane_stop(y, top) - top);
    int32_t total = 0;
    for (int32_t i = 0; i < rows; i++) {
        int32_t sum = 0;
        for (int32_t j = 0; j < columns; j++) {
            sum += in.data[(top + (uint32_t)i) * in.pitch + left + (uint32_t)j];
        }
#ifdef QRIG_POOLING_C
        total += sum;
#else
        total += sum / columns;
#endif
    }
#ifdef QRIG_POOLING_C
    return (q7_t)(total / (rows * columns));
#else
    return (q7_t)(total / rows);
#endif
}

/* Average pooling of a plane; out may be in. positive says that no value is below 0. */
__attribute__((always_inline)) static inline void
plane_avepool(plane_rows in, plane_rows out, plane_axis x, plane_axis y, int positive) {
#ifndef QRIG_POOLING_C
    if (positive && plane_halves(x, y) && y.stride <= 3 && x.in <= 64) {
        plane_mean_halved(in, out, x, y);
        return;
    }
#endif
    (void)positive;
    for (uint32_t i = 0; i < y.out; i++) {
        for (uint32_t j = 0; j < x.out; j++) {
            out.data[i * out.pitch + j] = plane_mean(in, x, y, j * x.stride, i * y.stride);
        }
    }
}

/* Negative values become zero; planes are 4-aligned and so are their sizes. */
static inline void plane_relu(q7_t *data, uint32_t size) {
    for (uint32_t i = 0; i < size; i += 4) {
        q7_write4(data + i, q7_max4(q7_read4(data + i), 0));
    }
}

/* A plane's values as one channel of an HWC tensor. */
static inline void plane_to_hwc(plane_rows in, uint32_t width, uint32_t height, uint32_t channels,
                                q7_t *out) {
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            *out = in.data[y * in.pitch + x];
            out += channels;
        }
    }
}

#endif
