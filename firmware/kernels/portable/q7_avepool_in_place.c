#include "pooling.h"

/* The mean of count values, pitch apart, truncated toward zero. */
static q7_t mean(const q7_t *values, uint32_t pitch, uint32_t count) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += values[i * pitch];
    }
    return (q7_t)(sum / (int32_t)count);
}

/* One row along x: column i of the result over column i of the input. */
static void pool_row(q7_t *row, q7_axis x, uint32_t ch) {
    for (uint32_t i = 0; i < x.out; i++) {
        q7_pool_range columns = q7_pool_span(x, i, i);
        for (uint32_t c = 0; c < ch; c++) {
            row[i * ch + c] = mean(row + columns.first * ch + c, ch, columns.stop - columns.first);
        }
    }
}

void q7_avepool_in_place(q7_t *in, const q7_pool *pool, q7_t *out) {
    uint32_t pitch = (uint32_t)pool->x.in * pool->ch;
    uint32_t length = (uint32_t)pool->x.out * pool->ch;
    for (uint32_t row = 0; row < pool->y.in; row++) {
        pool_row(in + row * pitch, pool->x, pool->ch);
    }
    for (uint32_t i = 0; i < pool->y.out; i++) {
        q7_pool_range rows = q7_pool_span(pool->y, i, 0);
        for (uint32_t k = 0; k < length; k++) {
            *out++ = mean(in + rows.first * pitch + k, pitch, rows.stop - rows.first);
        }
    }
}
