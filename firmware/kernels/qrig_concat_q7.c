#include "joins.h"

arm_status qrig_concat_q7(const q7_t *const *tensors, const uint16_t *channels,
                          const uint16_t *shifts, uint16_t count, uint32_t pixels, q7_t *out) {
    uint32_t pitch = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (channels[i] == 0 || shifts[i] > Q7_MAX_SHIFT) {
            return ARM_MATH_SIZE_MISMATCH;
        }
        pitch += channels[i];
    }
    if (count == 0) {
        return ARM_MATH_SIZE_MISMATCH;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (shifts[i] == 0) {
            q7_place_runs(tensors[i], channels[i], pixels, out, pitch);
        } else {
            q7_place_shifted_runs(tensors[i], channels[i], pixels, shifts[i], out, pitch);
        }
        out += channels[i];
    }
    return ARM_MATH_SUCCESS;
}
