#include "network_internal.h"

static network_read_rest *const rests[NETWORK_TYPES] = {
    [NETWORK_DATA] = network_read_data,
    [NETWORK_CONVOLUTION] = network_read_convolution,
    [NETWORK_RELU] = network_read_relu,
    [NETWORK_POOLING] = network_read_pooling,
    [NETWORK_INNER_PRODUCT] = network_read_inner_product,
};

/* Batch, channels, height and width; the batch is that of all layers and changes nothing. */
static void read_shape(network_reader *reader, network_record *record) {
    qrig_network_shape *out = &record->layer.out;
    int is_first = record->batch == 0;
    uint32_t least = is_first ? 1 : record->batch, most = is_first ? UINT16_MAX : record->batch;
    record->batch = network_number(reader, least, most, QRIG_NETWORK_SHAPE);
    record->shape_offset = reader->offset;
    out->channels = (uint16_t)network_number(reader, 1, UINT16_MAX, QRIG_NETWORK_SHAPE);
    out->height = (uint16_t)network_number(reader, 1, UINT16_MAX, QRIG_NETWORK_SHAPE);
    out->width = (uint16_t)network_number(reader, 1, UINT16_MAX, QRIG_NETWORK_SHAPE);
    if (network_elements(out->height, out->width, out->channels) == UINT32_MAX) {
        network_fail(reader, QRIG_NETWORK_SHAPE, record->shape_offset);
    }
}

void network_read_layer(network_reader *reader, network_record *record) {
    int is_first = record->batch == 0;
    uint32_t least = is_first ? NETWORK_DATA : NETWORK_DATA + 1;
    uint32_t most = is_first ? NETWORK_DATA : NETWORK_TYPES - 1;
    record->in = record->layer.out;
    record->layer = (network_layer){0};
    uint32_t type = network_number(reader, least, most, QRIG_NETWORK_TYPE);
    record->layer.type = (uint8_t)type;
    read_shape(reader, record);
    rests[type](reader, record);
}
