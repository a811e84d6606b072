/* Stands for the header of CMSIS-DSP: types and status, as the kernels use them. */
#ifndef ARM_MATH_H
#define ARM_MATH_H

#include "cmsis_gcc.h"
#include <stdint.h>

#if !defined(ARM_MATH_CM4) && !defined(ARM_MATH_CM7)
#error "expected the core to be named"
#endif

typedef int8_t q7_t;
typedef int16_t q15_t;

typedef enum { ARM_MATH_SUCCESS = 0, ARM_MATH_SIZE_MISMATCH = -3 } arm_status;

#endif
