#include "nn_tables.h"

arm_status arm_nn_activations_direct_q7(q7_t *data, uint32_t size, uint16_t int_width,
                                        arm_nn_activation_type type) {
    if (int_width > NN_MAX_INT_WIDTH || (type != ARM_SIGMOID && type != ARM_TANH)) {
        return ARM_MATH_SIZE_MISMATCH;
    }
    const q7_t *table = type == ARM_SIGMOID ? nn_sigmoid_q7 : nn_tanh_q7;
    q7_activate(data, size, table, NN_MAX_INT_WIDTH - int_width);
    return ARM_MATH_SUCCESS;
}
