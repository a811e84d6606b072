/* Max and average of a window over a run of elements: what both forms of pooling are made of. */
#ifndef QRIG_POOL_WINDOW_H
#define QRIG_POOL_WINDOW_H

#include <stddef.h>

#include "pooling.h"

/* rows x columns taps. Element k of the result comes from source[k] and what lies column_pitch
 * behind it, behind that and so on; row_step leads from the place behind a row to the next row. */
typedef struct {
    uint32_t rows;
    uint32_t columns;
    ptrdiff_t column_pitch;
    ptrdiff_t row_step;
} q7_pool_taps;

/* length elements; target may lie over a tap exactly. */
typedef void q7_pool_reduce(q7_t *target, const q7_t *source, uint32_t length,
                            const q7_pool_taps *window);
q7_pool_reduce q7_max_window;
q7_pool_reduce q7_average_window;

/* Reduce each window of a pooling at once, clipped to the image. */
void q7_pool_windows(const q7_t *in, const q7_pool *pool, q7_t *out, q7_pool_reduce *reduce);

/* Reduce the rows of what is left of in after the pass along x. */
void q7_pool_rows(const q7_t *in, const q7_pool *pool, q7_t *out, q7_pool_reduce *reduce);

/* A walk over the taps of a window, row by row. */
typedef struct {
    const q7_t *tap;
    uint32_t row;
    uint32_t column;
} q7_pool_walk;

/* At the first tap, for the element of the source it starts from. */
static inline q7_pool_walk q7_pool_walk_start(const q7_t *source, const q7_pool_taps *window) {
    q7_pool_walk walk = {source, window->rows, window->columns};
    return walk;
}

/* On to the next tap; 0 if there is none. */
static inline int q7_pool_walk_on(q7_pool_walk *walk, const q7_pool_taps *window) {
    if (--walk->column == 0) {
        if (--walk->row == 0) {
            return 0;
        }
        walk->column = window->columns;
        walk->tap += window->row_step;
    }
    walk->tap += window->column_pitch;
    return 1;
}

#endif
