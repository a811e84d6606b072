#include "pool_window.h"

/* One row along x: column i of the result over column i of the input. */
static void average_row(q7_t *row, const q7_pool *pool) {
    uint32_t ch = pool->ch;
    q7_pool_taps window = {1, 0, (ptrdiff_t)ch, 0};
    for (uint32_t i = 0; i < pool->x.out; i++) {
        q7_pool_range columns = q7_pool_span(pool->x, i, i);
        window.columns = columns.stop - columns.first;
        q7_average_window(row + i * ch, row + columns.first * ch, ch, &window);
    }
}

void q7_avepool_in_place(q7_t *in, const q7_pool *pool, q7_t *out) {
    uint32_t pitch = (uint32_t)pool->x.in * pool->ch;
    for (uint32_t y = 0; y < pool->y.in; y++) {
        average_row(in + y * pitch, pool);
    }
    q7_pool_rows(in, pool, out, q7_average_window);
}
