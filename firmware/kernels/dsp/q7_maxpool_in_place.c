#include <string.h>

#include "pool_window.h"

/* Windows of so few taps cost less at once than along one axis after the other. */
#define FEW_TAPS 9u

/* Whether each window along x starts at its true first column and holds no earlier result:
 * then what is computed in place is what all windows at once give. */
static int in_place_is_exact(q7_axis x) {
    return x.out == 1 || x.padding < x.stride;
}

/* Whether to do all windows at once: then no tap, or hardly any, is read for two of them. */
static int at_once_is_faster(const q7_pool *pool) {
    return (uint32_t)pool->x.kernel * pool->y.kernel <= FEW_TAPS ||
           pool->y.stride >= pool->y.kernel;
}

/* One row along x: column i of the result over column i of the input. */
static void max_row(q7_t *row, const q7_pool *pool) {
    uint32_t ch = pool->ch;
    q7_pool_taps window = {1, 0, (ptrdiff_t)ch, 0};
    for (uint32_t i = 0; i < pool->x.out; i++) {
        q7_pool_range columns = q7_pool_span(pool->x, i, i);
        const q7_t *first = row + columns.first * ch;
        q7_t *target = row + i * ch;
        if (columns.first < i && i < columns.stop) {
            memcpy(target, first, ch);
        }
        window.columns = columns.stop - columns.first;
        q7_max_window(target, first, ch, &window);
    }
}

void q7_maxpool_in_place(q7_t *in, const q7_pool *pool, q7_t *out) {
    if (in_place_is_exact(pool->x) && at_once_is_faster(pool)) {
        q7_maxpool_windows(in, pool, out);
        return;
    }
    uint32_t pitch = (uint32_t)pool->x.in * pool->ch;
    for (uint32_t y = 0; y < pool->y.in; y++) {
        max_row(in + y * pitch, pool);
    }
    q7_pool_rows(in, pool, out, q7_max_window);
}
