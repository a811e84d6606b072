#include "pool_window.h"
#include "q7_simd.h"

/* Up to so many taps the division below is exact for every sum of them (all have been tried), and
 * the sum fits 16 bits. */
#define MAX_TAPS 194u

/* 2^24 / taps, rounded up. */
static inline int32_t reciprocal_of(uint32_t taps) {
    return (int32_t)(((1u << 24) + taps - 1) / taps);
}

/* A multiple of 1/256 to an integer in bits 8 to 15, toward zero: adds 255/256 if it is negative.
 */
static inline uint32_t toward_zero(int32_t value) {
    return (uint32_t)value + ((uint32_t)value >> 24);
}

/* Of four bytes: 0 and 2, 1 and 3, in lanes. */
typedef struct {
    uint32_t even;
    uint32_t odd;
} sums;

static inline sums first_sums(const q7_t *tap) {
    uint32_t four = q7_read4(tap);
    sums first = {q7_sxtb16(four), q7_sxtb16_odd(four)};
    return first;
}

static inline sums more_sums(sums so_far, const q7_t *tap) {
    uint32_t four = q7_read4(tap);
    sums more = {q7_sxtab16_even(so_far.even, four), q7_sxtab16_odd(so_far.odd, four)};
    return more;
}

/* Four bytes of means. */
static inline uint32_t means(sums sum, int32_t reciprocal) {
    uint32_t mean_0 = toward_zero(q7_scale_low(reciprocal, sum.even));
    uint32_t mean_1 = toward_zero(q7_scale_low(reciprocal, sum.odd));
    uint32_t mean_2 = toward_zero(q7_scale_high(reciprocal, sum.even));
    uint32_t mean_3 = toward_zero(q7_scale_high(reciprocal, sum.odd));
    uint32_t upper = q7_low_lanes(mean_1, mean_3) & 0xff00ff00u;
    return q7_uxtab16_odd(upper, q7_low_lanes(mean_0, mean_2));
}

static inline void average_16(q7_t *target, const q7_t *source, const q7_pool_taps *window,
                              int32_t reciprocal) {
    q7_pool_walk walk = q7_pool_walk_start(source, window);
    sums a = first_sums(source);
    sums b = first_sums(source + 4);
    sums c = first_sums(source + 8);
    sums d = first_sums(source + 12);
    while (q7_pool_walk_on(&walk, window)) {
        a = more_sums(a, walk.tap);
        b = more_sums(b, walk.tap + 4);
        c = more_sums(c, walk.tap + 8);
        d = more_sums(d, walk.tap + 12);
    }
    q7_write4(target, means(a, reciprocal));
    q7_write4(target + 4, means(b, reciprocal));
    q7_write4(target + 8, means(c, reciprocal));
    q7_write4(target + 12, means(d, reciprocal));
}

static inline void average_4(q7_t *target, const q7_t *source, const q7_pool_taps *window,
                             int32_t reciprocal) {
    q7_pool_walk walk = q7_pool_walk_start(source, window);
    sums a = first_sums(source);
    while (q7_pool_walk_on(&walk, window)) {
        a = more_sums(a, walk.tap);
    }
    q7_write4(target, means(a, reciprocal));
}

static inline void average_1(q7_t *target, const q7_t *source, const q7_pool_taps *window,
                             int32_t taps) {
    q7_pool_walk walk = q7_pool_walk_start(source, window);
    int32_t sum = *source;
    while (q7_pool_walk_on(&walk, window)) {
        sum += *walk.tap;
    }
    *target = (q7_t)(sum / taps);
}

void q7_average_window(q7_t *target, const q7_t *source, uint32_t length,
                       const q7_pool_taps *shape) {
    const q7_pool_taps kept = *shape, *window = &kept; /* in registers */
    uint32_t taps = window->rows * window->columns;
    if (taps <= MAX_TAPS) {
        int32_t reciprocal = reciprocal_of(taps);
        for (; length >= 16; length -= 16, target += 16, source += 16) {
            average_16(target, source, window, reciprocal);
        }
        for (; length >= 4; length -= 4, target += 4, source += 4) {
            average_4(target, source, window, reciprocal);
        }
    }
    for (; length; length--) {
        average_1(target++, source++, window, (int32_t)taps);
    }
}
