#include "network_internal.h"
#include <string.h>

#ifdef NETWORK_HOOK
#define STAGE_DONE(stage, tensor, bytes) network_stage_done(stage, tensor, bytes)
#else
#define STAGE_DONE(stage, tensor, bytes) ((void)0)
#endif

network_call network_place(const qrig_network *network, const network_layer *layer,
                           qrig_network_shape shape, q7_t *in) {
    network_call call = {.layer = layer, .shape = shape, .in = in, .out = in};
    call.is_openmv = network->is_openmv;
    if (layer->type != NETWORK_RELU) {
        uint32_t out_bytes = network_aligned(network_size(layer->out));
        int is_first = in == network->tensors;
        call.out = network->tensors + (is_first ? network->tensor_bytes - out_bytes : 0);
        call.scratch = is_first ? in + network_aligned(network_size(shape)) : call.out + out_bytes;
    }
    return call;
}

qrig_network_status network_finish(const qrig_network *network, const q7_t *last, int softmax,
                                   q7_t *output) {
    uint32_t size = network_size(network->output);
    if (!softmax) {
        memcpy(output, last, size);
        return QRIG_NETWORK_OK;
    }
    if (size > UINT16_MAX) {
        return QRIG_NETWORK_KERNEL;
    }
    if (network->is_openmv) {
        network_openmv_softmax(last, size, output);
    } else {
        arm_softmax_q7(last, (uint16_t)size, output);
    }
    return QRIG_NETWORK_OK;
}

qrig_network_status network_compute(const qrig_network *network, int softmax, q7_t *output) {
    const network_layer *layers = network->layers;
    qrig_network_shape shape = network->input;
    q7_t *tensor = network->tensors;
    STAGE_DONE(0, tensor, network_size(shape));
    for (uint32_t stage = 1; stage < network->stages; stage++) {
        network_call call = network_place(network, &layers[stage - 1], shape, tensor);
        if (network_compute_layer(&call) != ARM_MATH_SUCCESS) {
            return QRIG_NETWORK_KERNEL;
        }
        tensor = call.out;
        shape = call.layer->out;
        STAGE_DONE((uint16_t)stage, tensor, network_size(shape));
    }
    qrig_network_status status = network_finish(network, tensor, softmax, output);
    if (softmax && status == QRIG_NETWORK_OK) {
        STAGE_DONE(network->stages, output, network_size(network->output));
    }
    return status;
}
