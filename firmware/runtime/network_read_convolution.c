#include "network_internal.h"

static uint32_t outputs(uint32_t in, const network_layer *layer) {
    return (in + 2u * layer->padding - layer->kernel) / layer->stride + 1;
}

void network_read_convolution(network_reader *reader, network_record *record) {
    network_layer *layer = &record->layer;
    qrig_network_shape in = record->in, out = layer->out;
    layer->bias_shift = (uint8_t)network_number(reader, 0, NETWORK_MAX_SHIFT, QRIG_NETWORK_SHIFT);
    layer->out_shift = (uint8_t)network_number(reader, 0, NETWORK_MAX_SHIFT, QRIG_NETWORK_SHIFT);
    network_read_window(reader, record);
    network_expect_shape(reader, record, outputs(in.height, layer), outputs(in.width, layer),
                         out.channels);
    uint32_t channels = (uint32_t)in.channels * out.channels;
    layer->weights =
        network_array(reader, network_elements(layer->kernel, layer->kernel, channels));
    layer->bias = network_array(reader, out.channels);
}
