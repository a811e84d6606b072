#include "q7_internal.h"

arm_status qrig_preprocess_q7(const uint8_t *pixels, uint32_t size, const int16_t *mean,
                              uint32_t mean_length, int32_t multiplier, uint16_t shift, q7_t *out) {
    if (mean_length == 0 || shift > Q7_MAX_SHIFT) {
        return ARM_MATH_SIZE_MISMATCH;
    }
    int64_t rounding = (1u << shift) >> 1;
    uint32_t k = 0;
    for (uint32_t i = 0; i < size; i++) {
        int64_t scaled = (int64_t)(pixels[i] - mean[k]) * multiplier + rounding;
        scaled >>= shift;
        out[i] = (q7_t)(scaled > INT8_MAX ? INT8_MAX : scaled < INT8_MIN ? INT8_MIN : scaled);
        k = k + 1 == mean_length ? 0 : k + 1;
    }
    return ARM_MATH_SUCCESS;
}
