#include "pooling.h"

/* The largest value of one channel, in + y * pitch + x * ch, of a window. */
static q7_t largest(const q7_t *in, uint32_t pitch, uint32_t ch, q7_pool_range rows,
                    q7_pool_range columns) {
    q7_t result = INT8_MIN;
    for (uint32_t y = rows.first; y < rows.stop; y++) {
        for (uint32_t x = columns.first; x < columns.stop; x++) {
            q7_t value = in[y * pitch + x * ch];
            result = value > result ? value : result;
        }
    }
    return result;
}

void q7_maxpool_windows(const q7_t *in, const q7_pool *pool, q7_t *out) {
    uint32_t pitch = (uint32_t)pool->x.in * pool->ch;
    for (uint32_t y = 0; y < pool->y.out; y++) {
        q7_pool_range rows = q7_pool_span(pool->y, y, 0);
        for (uint32_t x = 0; x < pool->x.out; x++) {
            q7_pool_range columns = q7_pool_span(pool->x, x, 0);
            for (uint32_t c = 0; c < pool->ch; c++) {
                *out++ = largest(in + c, pitch, pool->ch, rows, columns);
            }
        }
    }
}
