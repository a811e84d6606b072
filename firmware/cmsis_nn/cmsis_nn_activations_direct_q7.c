#include "cmsis_nn_adapter.h"

/* The largest size in words that the original's 16 bits hold. */
#define LARGEST 65532u

arm_status cmsis_nn_activations_direct_q7(q7_t *data, uint32_t size, uint16_t int_width,
                                          arm_nn_activation_type type) {
    for (; size > LARGEST; size -= LARGEST) {
        arm_nn_activations_direct_q7(data, LARGEST, int_width, type);
        data += LARGEST;
    }
    arm_nn_activations_direct_q7(data, (uint16_t)size, int_width, type);
    return ARM_MATH_SUCCESS;
}
