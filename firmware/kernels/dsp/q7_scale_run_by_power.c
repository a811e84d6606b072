#include "preprocess.h"
#include "q7_simd.h"

/* In lanes of 16 bits: what is added before the shift and which bits are left behind it. */
typedef struct {
    uint32_t offset;
    uint32_t mask;
    uint32_t shift;
} lane_scale;

static inline uint32_t both_lanes(uint32_t value) {
    return value | value << 16;
}

/* Lanes limited to 15 bits, shifted, limited to a byte. */
static inline uint32_t to_bytes(uint32_t lanes, lane_scale scale) {
    return q7_usat16_8(q7_usat16_15(lanes) >> scale.shift & scale.mask);
}

static inline void scale_4(const uint8_t *pixels, const int16_t *mean, lane_scale scale,
                           q7_t *out) {
    uint32_t four = q7_read4(pixels), mean_01 = q7_read4(mean), mean_23 = q7_read4(mean + 2);
    uint32_t even = q7_uxtab16_even(scale.offset, four);
    uint32_t odd = q7_uxtab16_odd(scale.offset, four);
    even = to_bytes(q7_qsub16(even, q7_low_lanes(mean_01, mean_23)), scale);
    odd = to_bytes(q7_qsub16(odd, q7_high_lanes(mean_01, mean_23)), scale);
    q7_write4(out, (even | odd << 8) ^ 0x80808080u);
}

/* 128 and half are added before the shift, so that 0 stands for -128 behind it. What the lanes
 * cannot hold, or the limit of 15 bits cuts off, is beyond a byte there. */
void q7_scale_run_by_power(const uint8_t *pixels, const int16_t *mean, uint32_t length,
                           const q7_scale *scale, q7_t *out) {
    uint32_t shift = scale->shift;
    uint32_t half = 1u << shift >> 1;
    lane_scale in_lanes = {both_lanes((128u << shift) + half), both_lanes(0x7fffu >> shift), shift};
    for (uint32_t blocks = length >> 3; blocks; blocks--) {
        scale_4(pixels, mean, in_lanes, out);
        scale_4(pixels + 4, mean + 4, in_lanes, out + 4);
        pixels += 8;
        mean += 8;
        out += 8;
    }
    for (uint32_t rest = length & 7u; rest; rest--) {
        *out++ = (q7_t)q7_saturate((*pixels++ - *mean++ + (int32_t)half) >> shift);
    }
}
