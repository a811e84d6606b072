/* Convolutions by columns: the windows of three pixels, widened to words of two lanes, side by
 * side.
 *
 * A column holds, kernel row by kernel row, the values of a window; each row is padded to whole
 * words. In words of four aligned channels lanes hold values 0 and 2, then 1 and 3; else
 * neighbours. Word i of pixel p is at 3 * i + p. */
#ifndef QRIG_COLUMNS_H
#define QRIG_COLUMNS_H

#include "qrig_lanes.h"
#include <string.h>

#define COLUMNS_PIXELS 3u

/* What a column kernel is made for. */
typedef struct {
    uint16_t words;    /* words of a column */
    uint16_t channels; /* outputs of a pixel; an even number */
    uint8_t shift;     /* of a sum */
    uint8_t relu;      /* whether outputs are clipped at zero */
} qrig_columns_shape;

/* All channels of three pixels. weights: for every two channels their starts (bias and rounding),
 * then for every word of a column that word of both. out: three pixels of `channels` bytes. */
#ifdef __cplusplus
extern "C" {
#endif
void qrig_columns(const uint32_t *columns, const uint32_t *weights, q7_t *out,
                  const qrig_columns_shape *shape);
#ifdef __cplusplus
}
#endif

/* A window along one axis. */
typedef struct {
    uint16_t in;
    uint16_t kernel;
    uint16_t padding;
    uint16_t stride;
} columns_axis;

/* Widen values in fours from an aligned address; width is a multiple of 4. */
static inline void columns_fours(const q7_t *from, uint32_t width, qrig_word *to) {
#pragma GCC unroll 8
    for (uint32_t i = 0; i < width; i += 4) {
        uint32_t word = q7_read4(from + i);
        *to = q7_sxtb16(word);
        to[COLUMNS_PIXELS] = q7_sxtb16_odd(word);
        to += 2 * COLUMNS_PIXELS;
    }
}

/* Widen values two by two, from element `first` of a row on; words they share with elements before
 * `first` must be zero. */
static inline void columns_ones(const q7_t *from, uint32_t first, uint32_t width, qrig_word *row) {
    const uint32_t end = first + width;
    uint32_t i = first;
    qrig_word *word = row + i / 2 * COLUMNS_PIXELS;
    if (i % 2) {
        *word = (uint32_t)*from++ << 16;
        word += COLUMNS_PIXELS;
        i++;
    }
    for (; i + 1 < end; i += 2, from += 2, word += COLUMNS_PIXELS) {
        *word = ((uint32_t)from[0] & 0xffffu) | (uint32_t)from[1] << 16;
    }
    if (i < end) {
        *word = (uint32_t)*from & 0xffffu;
    }
}

/* One window as a column. */
__attribute__((always_inline)) static inline void columns_gather(const q7_t *in, columns_axis x,
                                                                 columns_axis y, uint32_t channels,
                                                                 uint32_t out_x, uint32_t out_y,
                                                                 qrig_word *to) {
    const uint32_t row_words = (x.kernel * channels + 1) / 2;
    const int32_t left = (int32_t)(out_x * x.stride) - x.padding;
    const int32_t begin = left < 0 ? 0 : left;
    const int32_t end = left + x.kernel < x.in ? left + x.kernel : x.in;
    const int whole = begin == left && end == left + x.kernel;
    for (int32_t k = 0; k < y.kernel; k++, to += row_words * COLUMNS_PIXELS) {
        const int32_t row = (int32_t)(out_y * y.stride) - y.padding + k;
        const int inside = row >= 0 && row < y.in && begin < end;
        const q7_t *from = in + ((uint32_t)row * x.in + (uint32_t)begin) * channels;
        if (inside && whole) {
            if (channels % 4 == 0) {
                columns_fours(from, x.kernel * channels, to);
            } else {
                columns_ones(from, 0, x.kernel * channels, to);
            }
            continue;
        }
        for (uint32_t i = 0; i < row_words; i++) {
            to[i * COLUMNS_PIXELS] = 0;
        }
        if (inside && channels % 4 == 0) {
            uint32_t before = (uint32_t)(begin - left) * channels / 2 * COLUMNS_PIXELS;
            columns_fours(from, (uint32_t)(end - begin) * channels, to + before);
        } else if (inside) {
            columns_ones(from, (uint32_t)(begin - left) * channels,
                         (uint32_t)(end - begin) * channels, to);
        }
    }
}

#endif
