#include <string.h>

#include "pooling.h"

/* target = max(target, source), element by element. */
static void max_into(q7_t *target, const q7_t *source, uint32_t length) {
    for (uint32_t k = 0; k < length; k++) {
        if (source[k] > target[k]) {
            target[k] = source[k];
        }
    }
}

/* One row along x: column i of the result over column i of the input. */
static void pool_row(q7_t *row, q7_axis x, uint32_t ch) {
    for (uint32_t i = 0; i < x.out; i++) {
        q7_pool_range columns = q7_pool_span(x, i, i);
        q7_t *target = row + i * ch;
        memmove(target, row + columns.first * ch, ch);
        for (uint32_t column = columns.first + 1; column < columns.stop; column++) {
            max_into(target, row + column * ch, ch);
        }
    }
}

void q7_maxpool_in_place(q7_t *in, const q7_pool *pool, q7_t *out) {
    uint32_t pitch = (uint32_t)pool->x.in * pool->ch;
    uint32_t length = (uint32_t)pool->x.out * pool->ch;
    for (uint32_t row = 0; row < pool->y.in; row++) {
        pool_row(in + row * pitch, pool->x, pool->ch);
    }
    for (uint32_t i = 0; i < pool->y.out; i++) {
        q7_pool_range rows = q7_pool_span(pool->y, i, 0);
        memcpy(out, in + rows.first * pitch, length);
        for (uint32_t row = rows.first + 1; row < rows.stop; row++) {
            max_into(out, in + row * pitch, length);
        }
        out += length;
    }
}
