#include "nn_tables.h"

arm_status arm_nn_activations_direct_q15(q15_t *data, uint32_t size, uint16_t int_width,
                                         arm_nn_activation_type type) {
    if (int_width > NN_MAX_INT_WIDTH || (type != ARM_SIGMOID && type != ARM_TANH)) {
        return ARM_MATH_SIZE_MISMATCH;
    }
    const q15_t *table = type == ARM_SIGMOID ? nn_sigmoid_q15 : nn_tanh_q15;
    q15_activate(data, size, table, 8u + NN_MAX_INT_WIDTH - int_width);
    return ARM_MATH_SUCCESS;
}
