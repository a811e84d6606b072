#include "arm_nnfunctions.h"
#include "q7_simd.h"

/* 2^32 / divisor, rounded down, of a divisor from 2^16. */
static inline uint32_t quotient_of(uint32_t divisor) {
    uint32_t power_of_two = (divisor & (divisor - 1)) == 0;
    return UINT32_MAX / divisor + power_of_two;
}

/* The maximum is base + 16. From base down, 2^0 is no part of the sum, which the halves leave out,
 * and the quotient, at most 2^16, is shifted to 0. */
void arm_softmax_q15(const q15_t *in, uint16_t dim_vec, q15_t *out) {
    if (dim_vec == 0) {
        return;
    }
    const q15_t *end = in + dim_vec;
    int32_t base = INT16_MIN;
    for (const q15_t *x = in; x < end; x++) {
        base = *x > base ? *x : base;
    }
    base -= 16;
    uint32_t half_sum = 0;
    for (const q15_t *x = in; x < end; x++) {
        half_sum += 1u << q7_usat(*x - base, 5) >> 1;
    }
    uint32_t quotient = quotient_of(2 * half_sum);
    for (const q15_t *x = in; x < end; x++) {
        uint32_t scaled = quotient >> q7_usat(17 + base - *x, 5);
        *out++ = (q15_t)q7_usat((int32_t)scaled, 15);
    }
}
