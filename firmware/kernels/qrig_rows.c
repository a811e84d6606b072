#include "qrig_rows.h"
#include "q7_simd.h"

/* The window's words of two channels with their weights. */
static int32_t pair(const uint32_t *column, const uint32_t *weights, const qrig_rows_shape *shape,
                    int32_t first, int32_t acc) {
    for (int32_t k = 0; k < shape->taps; k++) {
        int32_t row = first + k;
        if (row >= 0 && row < shape->height) {
            acc = q7_smlad(weights[k], column[row], acc);
        }
    }
    return acc;
}

/* The same of a channel left over: two rows and two taps to a word. */
static int32_t vertical(const uint32_t *words, const uint32_t *weights,
                        const qrig_rows_shape *shape, int32_t first, int32_t acc) {
    for (int32_t k = 0; k < shape->taps; k += 2) {
        int32_t word = first + k + 1;
        if (word >= 0 && word <= shape->height) {
            acc = q7_smlad(weights[k / 2], words[word], acc);
        }
    }
    return acc;
}

void qrig_rows(const uint32_t *data, const uint32_t *weights, int32_t *products,
               const qrig_rows_shape *shape) {
    const uint32_t *columns = data - (shape->start > 0 ? shape->start : 0);
    for (uint32_t t = 0; t < shape->points; t++) {
        const uint32_t *next_weights = weights;
        const uint32_t *next_columns = columns;
        for (int32_t p = 0; p < shape->rows; p++) {
            int32_t first = shape->start + p;
            int32_t acc = 0;
            next_weights = weights;
            next_columns = columns;
            for (uint32_t i = 0; i < shape->pairs; i++) {
                acc = pair(next_columns, next_weights, shape, first, acc);
                next_columns += shape->height;
                next_weights += shape->taps;
            }
            if (shape->odd) {
                acc = vertical(next_columns, next_weights, shape, first, acc);
                next_columns += shape->height + 1;
                next_weights += (shape->taps + 1) / 2;
            }
            *products++ = acc;
        }
        weights = next_weights;
        columns = next_columns;
    }
}
