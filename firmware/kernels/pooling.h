/* Max and average pooling in the two forms that CMSIS-NN has had.
 *
 * in_place (of cores with DSP instructions, our default): along x first, each row over itself, then
 * along y. Where padding lets a window along x start left of the image, it starts at the column
 * the result goes to. A window may hold columns that are results already, and the maximum, whose
 * first column is copied to where the result goes, may have lost the value that was there.
 * windows (QRIG_POOLING_C): each window at once, clipped to the image, from an untouched input.
 */
#ifndef QRIG_POOLING_H
#define QRIG_POOLING_H

#include "q7_internal.h"

/* The sum of so many values fits 32 bits. */
#define Q7_POOL_MAX_PIXELS (1u << 24)

typedef struct {
    q7_axis x;
    q7_axis y;
    uint16_t ch;
} q7_pool;

void q7_maxpool_in_place(q7_t *in, const q7_pool *pool, q7_t *out);
void q7_maxpool_windows(const q7_t *in, const q7_pool *pool, q7_t *out);
void q7_avepool_in_place(q7_t *in, const q7_pool *pool, q7_t *out);
void q7_avepool_windows(const q7_t *in, const q7_pool *pool, q7_t *out);

/* A part of an axis: [first, stop). */
typedef struct {
    uint32_t first;
    uint32_t stop;
} q7_pool_range;

/* The window of output i. One that starts before the axis starts at low instead. */
static inline q7_pool_range q7_pool_span(q7_axis axis, uint32_t i, uint32_t low) {
    uint32_t start = i * axis.stride;
    uint32_t stop = start + axis.kernel - axis.padding;
    q7_pool_range span = {start < axis.padding ? low : start - axis.padding,
                          stop < axis.in ? stop : axis.in};
    return span;
}

/* Whether every window along the axis holds a part of it. */
static inline int q7_pool_axis_filled(q7_axis axis) {
    return axis.in > 0 && axis.out > 0 && axis.kernel > axis.padding && axis.stride > 0 &&
           (axis.out - 1u) * axis.stride < (uint32_t)axis.in + axis.padding;
}

/* Whether the form this is built for can do it. In place, a result larger than its input would
 * overwrite what is still needed, and memory behind the input. */
static inline int q7_pool_valid(const q7_pool *pool) {
#ifndef QRIG_POOLING_C
    if (pool->x.out > pool->x.in || pool->y.out > pool->y.in) {
        return 0;
    }
#endif
    return q7_pool_axis_filled(pool->x) && q7_pool_axis_filled(pool->y) && pool->ch > 0 &&
           (uint32_t)pool->x.in * pool->y.in <= Q7_POOL_MAX_PIXELS;
}

#endif
