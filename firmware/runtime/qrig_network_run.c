#include "network_internal.h"

qrig_network_status qrig_network_run(const qrig_network *network, const uint8_t *pixels,
                                     int softmax, q7_t *output) {
    uint32_t size = network_size(network->input);
    if (qrig_preprocess_q7(pixels, size, network->mean, network->input.channels,
                           1 << NETWORK_INPUT_BITS, network->shift,
                           network->tensors) != ARM_MATH_SUCCESS) {
        return QRIG_NETWORK_KERNEL;
    }
    return network_compute(network, softmax, output);
}
