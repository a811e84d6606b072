#include "arm_nnfunctions.h"
#include "q7_simd.h"

static int32_t clamp(int32_t value, int32_t low, int32_t high) {
    return value < low ? low : value > high ? high : value;
}

void arm_softmax_q7(const q7_t *in, uint16_t dim_vec, q7_t *out) {
    int32_t base = -128;
    for (uint16_t i = 0; i < dim_vec; i++) {
        base = in[i] > base ? in[i] : base;
    }
    base -= 8;
    int32_t sum = 0;
    for (uint16_t i = 0; i < dim_vec; i++) {
        sum += 1 << clamp(in[i] - base, 0, 7);
    }
    int32_t quotient = sum ? (1 << 20) / sum : 0;
    for (uint16_t i = 0; i < dim_vec; i++) {
        out[i] = (q7_t)q7_saturate(quotient >> clamp(13 + base - in[i], 0, 31));
    }
}
