/* The ways to scale a run of pixels, each with a mean of its own. */
#ifndef QRIG_PREPROCESS_H
#define QRIG_PREPROCESS_H

#include "arm_nnfunctions.h"

typedef struct {
    int32_t multiplier;
    uint32_t shift;
} q7_scale;

typedef void q7_scale_run(const uint8_t *pixels, const int16_t *mean, uint32_t length,
                          const q7_scale *scale, q7_t *out);

/* multiplier 1, shift 0. */
q7_scale_run q7_scale_run_by_one;
/* multiplier 1, shift 1 to 7. */
q7_scale_run q7_scale_run_by_power;
/* Any; multiplications of 16 bits and shifts up to 30 are in 32 bits. */
q7_scale_run q7_scale_run_by_any;

#endif
