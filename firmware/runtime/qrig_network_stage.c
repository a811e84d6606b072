#include "network_internal.h"

/* Walks past the layers before: their tensors lie one way and the other in turn. */
qrig_network_status qrig_network_stage(const qrig_network *network, uint16_t stage,
                                       const uint8_t *pixels, q7_t *output) {
    qrig_network_shape shape = network->input;
    q7_t *tensor = network->tensors;
    if (stage == 0) {
        return network_take_pixels(network, pixels) == ARM_MATH_SUCCESS ? QRIG_NETWORK_OK
                                                                        : QRIG_NETWORK_KERNEL;
    }
    for (uint32_t index = 1; index < network->stages; index++) {
        network_call call = network_place(network, &network->layers[index - 1], shape, tensor);
        if (index == stage) {
            return network_compute_layer(&call) == ARM_MATH_SUCCESS ? QRIG_NETWORK_OK
                                                                    : QRIG_NETWORK_KERNEL;
        }
        tensor = call.out;
        shape = call.layer->out;
    }
    return stage == network->stages ? network_finish(network, tensor, 1, output) : QRIG_NETWORK_OK;
}
