#include "network_internal.h"

void network_read_inner_product(network_reader *reader, network_record *record) {
    network_layer *layer = &record->layer;
    uint32_t inputs = network_size(record->in), rows = layer->out.channels;
    network_expect_shape(reader, record, 1, 1, rows);
    if (inputs > UINT16_MAX) {
        network_fail(reader, QRIG_NETWORK_SHAPE, record->shape_offset);
    }
    layer->bias_shift = (uint8_t)network_number(reader, 0, NETWORK_MAX_SHIFT, QRIG_NETWORK_SHIFT);
    layer->out_shift = (uint8_t)network_number(reader, 0, NETWORK_MAX_SHIFT, QRIG_NETWORK_SHIFT);
    layer->weights = network_array(reader, network_elements(1, rows, inputs));
    layer->bias = network_array(reader, rows);
}
