#include "pooling.h"

/* The mean of one channel, in + y * pitch + x * ch, of a window; truncated toward zero. */
static q7_t mean(const q7_t *in, uint32_t pitch, uint32_t ch, q7_pool_range rows,
                 q7_pool_range columns) {
    uint32_t count = (rows.stop - rows.first) * (columns.stop - columns.first);
    int32_t sum = 0;
    for (uint32_t y = rows.first; y < rows.stop; y++) {
        for (uint32_t x = columns.first; x < columns.stop; x++) {
            sum += in[y * pitch + x * ch];
        }
    }
    return (q7_t)(sum / (int32_t)count);
}

void q7_avepool_windows(const q7_t *in, const q7_pool *pool, q7_t *out) {
    uint32_t pitch = (uint32_t)pool->x.in * pool->ch;
    for (uint32_t y = 0; y < pool->y.out; y++) {
        q7_pool_range rows = q7_pool_span(pool->y, y, 0);
        for (uint32_t x = 0; x < pool->x.out; x++) {
            q7_pool_range columns = q7_pool_span(pool->x, x, 0);
            for (uint32_t c = 0; c < pool->ch; c++) {
                *out++ = mean(in + c, pitch, pool->ch, rows, columns);
            }
        }
    }
}
