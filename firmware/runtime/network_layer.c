#include "network_internal.h"

uint32_t network_scratch_bytes(const network_layer *layer, qrig_network_shape in) {
    uint16_t kernel = layer->kernel;
    switch (layer->type) {
    case NETWORK_CONVOLUTION:
        return (uint32_t)arm_convolve_HWC_q7_basic_nonsquare_buffer_bytes(in.channels, kernel,
                                                                          kernel);
    case NETWORK_INNER_PRODUCT:
        return (uint32_t)arm_fully_connected_q7_opt_buffer_bytes((uint16_t)network_size(in));
    default:
        return (uint32_t)arm_avepool_q7_HWC_nonsquare_buffer_bytes(layer->out.width, in.channels);
    }
}

static arm_status convolve(const network_call *call) {
    const network_layer *layer = call->layer;
    qrig_network_shape in = call->shape, out = layer->out;
    return arm_convolve_HWC_q7_basic_nonsquare(
        call->in, in.width, in.height, in.channels, layer->weights, out.channels, layer->kernel,
        layer->kernel, layer->padding, layer->padding, layer->stride, layer->stride, layer->bias,
        layer->bias_shift, layer->out_shift, call->out, out.width, out.height,
        (q15_t *)(void *)call->scratch, NULL);
}

static arm_status connect(const network_call *call) {
    const network_layer *layer = call->layer;
    return arm_fully_connected_q7_opt(call->in, layer->weights, (uint16_t)network_size(call->shape),
                                      layer->out.channels, layer->bias_shift, layer->out_shift,
                                      layer->bias, call->out, (q15_t *)(void *)call->scratch);
}

/* OpenMV told the function the number of values in 16 bits. */
static arm_status rectify(const network_call *call) {
    uint32_t size = network_size(call->shape);
    arm_relu_q7(call->out, call->is_openmv ? (uint16_t)size : size);
    return ARM_MATH_SUCCESS;
}

static arm_status pool_by_kernel(const network_call *call) {
    const network_layer *layer = call->layer;
    qrig_network_shape in = call->shape, out = layer->out;
    uint16_t kernel = layer->kernel, padding = layer->padding, stride = layer->stride;
    if (layer->is_average) {
        return arm_avepool_q7_HWC_nonsquare(call->in, in.width, in.height, in.channels, kernel,
                                            kernel, padding, padding, stride, stride, out.width,
                                            out.height, call->scratch, call->out);
    }
    return arm_maxpool_q7_HWC_nonsquare(call->in, in.width, in.height, in.channels, kernel, kernel,
                                        padding, padding, stride, stride, out.width, out.height,
                                        call->scratch, call->out);
}

/* OpenMV's maximum over square maps is the kernel's unless channels are left over. */
static arm_status pool(const network_call *call) {
    qrig_network_shape in = call->shape;
    if (call->is_openmv && in.height != in.width) {
        network_openmv_windows(call);
        return ARM_MATH_SUCCESS;
    }
    if (call->is_openmv && !call->layer->is_average && in.channels % 4 != 0) {
        network_openmv_max(call);
        return ARM_MATH_SUCCESS;
    }
    return pool_by_kernel(call);
}

arm_status network_compute_layer(const network_call *call) {
    static arm_status (*const kernels[])(const network_call *) = {
        [NETWORK_CONVOLUTION] = convolve,
        [NETWORK_RELU] = rectify,
        [NETWORK_POOLING] = pool,
        [NETWORK_INNER_PRODUCT] = connect,
    };
    return kernels[call->layer->type](call);
}
