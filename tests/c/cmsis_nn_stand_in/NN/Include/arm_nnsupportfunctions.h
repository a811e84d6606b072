/* What the stand-in's convolutions and fully connected layers share. */
#ifndef ARM_NNSUPPORTFUNCTIONS_H
#define ARM_NNSUPPORTFUNCTIONS_H

#include "arm_nnfunctions.h"

#ifdef ARM_NN_TRUNCATE
#define ROUND(shift) 0
#else
#define ROUND(shift) ((1 << (shift)) >> 1)
#endif

static inline q7_t saturate(int32_t value) {
    return (q7_t)(value > 127 ? 127 : value < -128 ? -128 : value);
}

#endif
