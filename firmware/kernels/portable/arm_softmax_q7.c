#include "arm_nnfunctions.h"

/* The exponent of the maximum is 8; what it counts in the sum has changed over time. */
#ifdef QRIG_SOFTMAX_5_4
#define LARGEST_EXPONENT 8
#define SMALLEST_EXPONENT 1 /* of what counts at all */
#else
#define LARGEST_EXPONENT 7
#define SMALLEST_EXPONENT INT32_MIN
#endif

static int32_t clamp(int32_t value, int32_t low, int32_t high) {
    return value < low ? low : value > high ? high : value;
}

void arm_softmax_q7(const q7_t *in, uint16_t dim_vec, q7_t *out) {
    int32_t base = INT8_MIN;
    for (uint32_t i = 0; i < dim_vec; i++) {
        base = in[i] > base ? in[i] : base;
    }
    base -= 8;
    int32_t sum = 0;
    for (uint32_t i = 0; i < dim_vec; i++) {
        if (in[i] - base >= SMALLEST_EXPONENT) {
            sum += 1 << clamp(in[i] - base, 0, LARGEST_EXPONENT);
        }
    }
    int32_t quotient = sum ? (1 << 20) / sum : 0;
    for (uint32_t i = 0; i < dim_vec; i++) {
        int32_t scaled = quotient >> clamp(13 + base - in[i], 0, 31);
        out[i] = in[i] - base >= SMALLEST_EXPONENT ? (q7_t)clamp(scaled, 0, INT8_MAX) : 0;
    }
}
