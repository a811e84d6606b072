#include "preprocess.h"
#include "q7_simd.h"

/* In lanes pixel - mean + 128, limited to a byte: 0 stands for -128. */
static inline void scale_4(const uint8_t *pixels, const int16_t *mean, q7_t *out) {
    uint32_t four = q7_read4(pixels), mean_01 = q7_read4(mean), mean_23 = q7_read4(mean + 2);
    uint32_t even = q7_uxtab16_even(0x00800080u, four);
    uint32_t odd = q7_uxtab16_odd(0x00800080u, four);
    even = q7_usat16_8(q7_qsub16(even, q7_low_lanes(mean_01, mean_23)));
    odd = q7_usat16_8(q7_qsub16(odd, q7_high_lanes(mean_01, mean_23)));
    q7_write4(out, (even | odd << 8) ^ 0x80808080u);
}

void q7_scale_run_by_one(const uint8_t *pixels, const int16_t *mean, uint32_t length,
                         const q7_scale *scale, q7_t *out) {
    (void)scale;
    for (uint32_t blocks = length >> 4; blocks; blocks--) {
        scale_4(pixels, mean, out);
        scale_4(pixels + 4, mean + 4, out + 4);
        scale_4(pixels + 8, mean + 8, out + 8);
        scale_4(pixels + 12, mean + 12, out + 12);
        pixels += 16;
        mean += 16;
        out += 16;
    }
    for (uint32_t rest = length & 15u; rest; rest--) {
        *out++ = (q7_t)q7_saturate(*pixels++ - *mean++);
    }
}
