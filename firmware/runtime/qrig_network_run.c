#include "network_internal.h"

arm_status network_take_pixels(const qrig_network *network, const uint8_t *pixels) {
    return qrig_preprocess_q7(pixels, network_size(network->input), network->mean,
                              network->input.channels, 1 << NETWORK_INPUT_BITS, network->shift,
                              network->tensors);
}

qrig_network_status qrig_network_run(const qrig_network *network, const uint8_t *pixels,
                                     int softmax, q7_t *output) {
    if (network_take_pixels(network, pixels) != ARM_MATH_SUCCESS) {
        return QRIG_NETWORK_KERNEL;
    }
    return network_compute(network, softmax, output);
}
