#include "arm_nnfunctions.h"

static int between(int value, int low, int high) {
    return value < low ? low : value > high ? high : value;
}

void arm_softmax_q7(const q7_t *in, uint16_t dim_vec, q7_t *out) {
    int base = -128;
    int32_t sum = 0;
    for (int i = 0; i < dim_vec; i++) {
        base = in[i] > base ? in[i] : base;
    }
    base -= 8;
    for (int i = 0; i < dim_vec; i++) {
        sum += 1 << between(in[i] - base, 0, 7);
    }
    for (int i = 0; i < dim_vec; i++) {
        int shift = between(13 + base - in[i], 0, 31);
        out[i] = (q7_t)between((int)((1 << 20) / sum) >> shift, -128, 127);
    }
}
