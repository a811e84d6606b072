#include "pool_window.h"

void q7_pool_windows(const q7_t *in, const q7_pool *pool, q7_t *out, q7_pool_reduce *reduce) {
    uint32_t ch = pool->ch;
    uint32_t pitch = pool->x.in * ch;
    for (uint32_t y = 0; y < pool->y.out; y++) {
        q7_pool_range rows = q7_pool_span(pool->y, y, 0);
        const q7_t *first_row = in + rows.first * pitch;
        q7_pool_taps window = {rows.stop - rows.first, 0, (ptrdiff_t)ch, 0};
        for (uint32_t x = 0; x < pool->x.out; x++) {
            q7_pool_range columns = q7_pool_span(pool->x, x, 0);
            window.columns = columns.stop - columns.first;
            window.row_step = (ptrdiff_t)pitch - (ptrdiff_t)(window.columns * ch);
            reduce(out, first_row + columns.first * ch, ch, &window);
            out += ch;
        }
    }
}
