#include "preprocess.h"
#include "q7_simd.h"

/* Products of 33,023, the largest difference, and half of 2^30 fit 32 bits. */
static inline int fits_32_bits(const q7_scale *scale) {
    return scale->multiplier >= INT16_MIN && scale->multiplier <= INT16_MAX && scale->shift <= 30;
}

static inline q7_t scale_wide(int32_t difference, const q7_scale *scale) {
    int64_t scaled = (int64_t)difference * scale->multiplier + (1u << scale->shift >> 1);
    scaled >>= scale->shift;
    return (q7_t)(scaled > INT8_MAX ? INT8_MAX : scaled < INT8_MIN ? INT8_MIN : scaled);
}

void q7_scale_run_by_any(const uint8_t *pixels, const int16_t *mean, uint32_t length,
                         const q7_scale *scale, q7_t *out) {
    if (!fits_32_bits(scale)) {
        for (uint32_t i = 0; i < length; i++) {
            out[i] = scale_wide(pixels[i] - mean[i], scale);
        }
        return;
    }
    int32_t multiplier = scale->multiplier;
    uint32_t shift = scale->shift;
    int32_t half = (int32_t)(1u << shift >> 1);
    for (uint32_t i = 0; i < length; i++) {
        int32_t scaled = (pixels[i] - mean[i]) * multiplier + half;
        out[i] = (q7_t)q7_saturate(scaled >> shift);
    }
}
