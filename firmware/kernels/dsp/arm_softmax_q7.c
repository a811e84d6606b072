#include "arm_nnfunctions.h"
#include "q7_simd.h"

/* What a value counts in the sum, from its difference to base: 2^0 to 2^7, or, in the older form,
 * 2^1 to 2^8 and nothing from base down. */
static inline uint32_t weight(int32_t difference) {
#ifdef QRIG_SOFTMAX_5_4
    return (1u << q7_usat(difference, 4)) & ~1u;
#else
    return 1u << q7_usat(difference, 3);
#endif
}

static int32_t largest(const q7_t *in, uint32_t length) {
    uint32_t four = 0x80808080u;
    for (uint32_t words = length >> 2; words; words--) {
        four = q7_max4(four, q7_read4(in));
        in += 4;
    }
    uint32_t two = q7_max4(four, four >> 16);
    int32_t result = (int8_t)q7_max4(two, two >> 8);
    for (uint32_t rest = length & 3u; rest; rest--) {
        result = *in > result ? *in : result;
        in++;
    }
    return result;
}

/* The maximum is base + 8 and the sum at least 2^7 (older form: 2^8), so that 2^20 / sum ends
 * after 13 (12) bits: from base down the older form gives 0 without a test. */
void arm_softmax_q7(const q7_t *in, uint16_t dim_vec, q7_t *out) {
    if (dim_vec == 0) {
        return;
    }
    int32_t base = largest(in, dim_vec) - 8;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < dim_vec; i++) {
        sum += weight(in[i] - base);
    }
    uint32_t quotient = (1u << 20) / sum;
    for (uint32_t i = 0; i < dim_vec; i++) {
        uint32_t scaled = quotient >> q7_usat(13 + base - in[i], 5);
        out[i] = (q7_t)q7_usat((int32_t)scaled, 7);
    }
}
