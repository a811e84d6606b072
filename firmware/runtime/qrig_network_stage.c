#include "network_internal.h"

static qrig_network_status repeat_input(const qrig_network *network, uint32_t times,
                                        const uint8_t *pixels) {
    for (uint32_t i = 0; i < times; i++) {
        if (network_take_pixels(network, pixels) != ARM_MATH_SUCCESS) {
            return QRIG_NETWORK_KERNEL;
        }
    }
    return QRIG_NETWORK_OK;
}

static qrig_network_status repeat_layer(const network_call *call, uint32_t times) {
    for (uint32_t i = 0; i < times; i++) {
        if (network_compute_layer(call) != ARM_MATH_SUCCESS) {
            return QRIG_NETWORK_KERNEL;
        }
    }
    return QRIG_NETWORK_OK;
}

static qrig_network_status repeat_softmax(const qrig_network *network, uint32_t times,
                                          const q7_t *last, q7_t *output) {
    qrig_network_status status = QRIG_NETWORK_OK;
    for (uint32_t i = 0; i < times && status == QRIG_NETWORK_OK; i++) {
        status = network_finish(network, last, 1, output);
    }
    return status;
}

/* Tensors of the layers before a layer lie at one end of the memory and the other in turn. */
qrig_network_status qrig_network_stage(const qrig_network *network, uint16_t stage, uint32_t times,
                                       const uint8_t *pixels, q7_t *output) {
    const network_layer *layers = network->layers;
    qrig_network_shape shape = network->input;
    q7_t *tensor = network->tensors;
    if (stage == 0) {
        return repeat_input(network, times, pixels);
    }
    for (uint32_t index = 1; index < network->stages; index++) {
        network_call call = network_place(network, &layers[index - 1], shape, tensor);
        if (index == stage) {
            return repeat_layer(&call, times);
        }
        tensor = call.out;
        shape = call.layer->out;
    }
    return stage == network->stages ? repeat_softmax(network, times, tensor, output)
                                    : QRIG_NETWORK_OK;
}
