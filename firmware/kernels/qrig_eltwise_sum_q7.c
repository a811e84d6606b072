#include "joins.h"

/* Whether sums stay within 32 bits; a shift that is too large is found before it is made. */
static int is_in_range(const uint16_t *shifts, uint32_t count) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (shifts[i] > Q7_MAX_SHIFT - 8u) {
            return 0;
        }
        sum += 128u << shifts[i];
        if (sum > Q7_MAX_SUM) {
            return 0;
        }
    }
    return 1;
}

arm_status qrig_eltwise_sum_q7(const q7_t *const *tensors, const uint16_t *shifts, uint16_t count,
                               uint32_t size, uint16_t out_shift, q7_t *out) {
    if (count == 0 || out_shift > Q7_MAX_SHIFT || !is_in_range(shifts, count)) {
        return ARM_MATH_SIZE_MISMATCH;
    }
    q7_terms terms = {tensors, shifts, count, size, out_shift};
    q7_add(&terms, out);
    return ARM_MATH_SUCCESS;
}
