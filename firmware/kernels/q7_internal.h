/* What the kernels share. */
#ifndef QRIG_Q7_INTERNAL_H
#define QRIG_Q7_INTERNAL_H

#include "arm_nnfunctions.h"

/* Largest shift a 32-bit accumulator takes. */
#define Q7_MAX_SHIFT 31u

/* One axis of a sliding window. */
typedef struct {
    uint16_t in;
    uint16_t out;
    uint16_t kernel;
    uint16_t padding;
    uint16_t stride;
} q7_axis;

/* Half of the output step, added before the shift: rounds half up. out_shift is at most 31. */
static inline uint32_t q7_rounding(uint32_t out_shift) {
#ifdef ARM_NN_TRUNCATE
    (void)out_shift;
    return 0;
#else
    return (1u << out_shift) >> 1;
#endif
}

#endif
