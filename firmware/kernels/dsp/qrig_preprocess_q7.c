#include <string.h>

#include "preprocess.h"
#include "q7_internal.h"

/* A mean of few values is repeated, up to so many, so that runs are long. */
#define REPEATED_LENGTH 128u

/* Lanes of 16 bits hold what shifts up to this leave inside a byte. */
#define MAX_LANE_SHIFT 7u

/* The same without common factors: (2 a + 2 half) >> (shift + 1) = (a + half) >> shift. */
static q7_scale reduced(int32_t multiplier, uint32_t shift) {
    while (shift > 0 && multiplier % 2 == 0) {
        multiplier /= 2;
        shift--;
    }
    q7_scale scale = {multiplier, shift};
    return scale;
}

/* One run in the fastest way there is. */
static void scale_run(const uint8_t *pixels, const int16_t *mean, uint32_t length,
                      const q7_scale *scale, q7_t *out) {
    if (scale->multiplier != 1 || scale->shift > MAX_LANE_SHIFT) {
        q7_scale_run_by_any(pixels, mean, length, scale, out);
    } else if (scale->shift == 0) {
        q7_scale_run_by_one(pixels, mean, length, scale, out);
    } else {
        q7_scale_run_by_power(pixels, mean, length, scale, out);
    }
}

/* Double a mean as often as it fits; returns its length. */
static uint32_t repeat(const int16_t *mean, uint32_t length, int16_t *repeated) {
    memcpy(repeated, mean, length * sizeof *mean);
    for (; 2 * length <= REPEATED_LENGTH; length *= 2) {
        memcpy(repeated + length, repeated, length * sizeof *mean);
    }
    return length;
}

arm_status qrig_preprocess_q7(const uint8_t *pixels, uint32_t size, const int16_t *mean,
                              uint32_t mean_length, int32_t multiplier, uint16_t shift, q7_t *out) {
    if (mean_length == 0 || shift > Q7_MAX_SHIFT) {
        return ARM_MATH_SIZE_MISMATCH;
    }
    q7_scale scale = reduced(multiplier, shift);
    int16_t repeated[REPEATED_LENGTH];
    if (mean_length < size && mean_length <= REPEATED_LENGTH / 2) {
        mean_length = repeat(mean, mean_length, repeated);
        mean = repeated;
    }
    while (size) {
        uint32_t length = size < mean_length ? size : mean_length;
        scale_run(pixels, mean, length, &scale, out);
        pixels += length;
        out += length;
        size -= length;
    }
    return ARM_MATH_SUCCESS;
}
