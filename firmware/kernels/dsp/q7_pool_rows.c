#include "pool_window.h"

void q7_pool_rows(const q7_t *in, const q7_pool *pool, q7_t *out, q7_pool_reduce *reduce) {
    uint32_t pitch = (uint32_t)pool->x.in * pool->ch;
    uint32_t length = (uint32_t)pool->x.out * pool->ch;
    for (uint32_t y = 0; y < pool->y.out; y++) {
        q7_pool_range rows = q7_pool_span(pool->y, y, 0);
        q7_pool_taps window = {1, rows.stop - rows.first, (ptrdiff_t)pitch, 0};
        reduce(out, in + rows.first * pitch, length, &window);
        out += length;
    }
}
