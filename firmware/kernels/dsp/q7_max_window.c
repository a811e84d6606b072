#include "pool_window.h"
#include "q7_simd.h"

static inline void max_16(q7_t *target, const q7_t *source, const q7_pool_taps *window) {
    q7_pool_walk walk = q7_pool_walk_start(source, window);
    uint32_t a = q7_read4(source);
    uint32_t b = q7_read4(source + 4);
    uint32_t c = q7_read4(source + 8);
    uint32_t d = q7_read4(source + 12);
    while (q7_pool_walk_on(&walk, window)) {
        a = q7_max4(a, q7_read4(walk.tap));
        b = q7_max4(b, q7_read4(walk.tap + 4));
        c = q7_max4(c, q7_read4(walk.tap + 8));
        d = q7_max4(d, q7_read4(walk.tap + 12));
    }
    q7_write4(target, a);
    q7_write4(target + 4, b);
    q7_write4(target + 8, c);
    q7_write4(target + 12, d);
}

static inline void max_4(q7_t *target, const q7_t *source, const q7_pool_taps *window) {
    q7_pool_walk walk = q7_pool_walk_start(source, window);
    uint32_t a = q7_read4(source);
    while (q7_pool_walk_on(&walk, window)) {
        a = q7_max4(a, q7_read4(walk.tap));
    }
    q7_write4(target, a);
}

static inline void max_2(q7_t *target, const q7_t *source, const q7_pool_taps *window) {
    q7_pool_walk walk = q7_pool_walk_start(source, window);
    uint32_t a = q7_read2(source);
    while (q7_pool_walk_on(&walk, window)) {
        a = q7_max4(a, q7_read2(walk.tap));
    }
    q7_write2(target, a);
}

static inline void max_1(q7_t *target, const q7_t *source, const q7_pool_taps *window) {
    q7_pool_walk walk = q7_pool_walk_start(source, window);
    q7_t a = *source;
    while (q7_pool_walk_on(&walk, window)) {
        a = *walk.tap > a ? *walk.tap : a;
    }
    *target = a;
}

void q7_max_window(q7_t *target, const q7_t *source, uint32_t length, const q7_pool_taps *shape) {
    const q7_pool_taps kept = *shape, *window = &kept; /* in registers */
    for (; length >= 16; length -= 16, target += 16, source += 16) {
        max_16(target, source, window);
    }
    for (; length >= 4; length -= 4, target += 4, source += 4) {
        max_4(target, source, window);
    }
    if (length & 2u) {
        max_2(target, source, window);
        target += 2;
        source += 2;
    }
    if (length & 1u) {
        max_1(target, source, window);
    }
}
