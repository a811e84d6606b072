#include "arm_nnfunctions.h"

/* 2^32 / divisor, rounded down, of a divisor from 2^16. */
static uint32_t quotient_of(uint32_t divisor) {
    uint32_t quotient = UINT32_MAX / divisor;
    return UINT32_MAX % divisor == divisor - 1 ? quotient + 1 : quotient;
}

void arm_softmax_q15(const q15_t *in, uint16_t dim_vec, q15_t *out) {
    if (dim_vec == 0) {
        return;
    }
    int32_t base = in[0];
    for (uint32_t i = 1; i < dim_vec; i++) {
        base = in[i] > base ? in[i] : base;
    }
    base -= 16;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < dim_vec; i++) {
        if (in[i] > base) {
            sum += 1u << (in[i] - base);
        }
    }
    uint32_t quotient = quotient_of(sum);
    for (uint32_t i = 0; i < dim_vec; i++) {
        uint32_t scaled = in[i] > base ? quotient >> (17 + base - in[i]) : 0;
        out[i] = scaled > INT16_MAX ? INT16_MAX : (q15_t)scaled;
    }
}
