#include "network_internal.h"

void network_read_window(network_reader *reader, network_record *record) {
    network_layer *layer = &record->layer;
    qrig_network_shape in = record->in;
    uint32_t offset = reader->offset;
    layer->kernel = (uint16_t)network_number(reader, 1, UINT16_MAX, QRIG_NETWORK_WINDOW);
    layer->padding = (uint16_t)network_number(reader, 0, UINT16_MAX, QRIG_NETWORK_WINDOW);
    layer->stride = (uint16_t)network_number(reader, 1, UINT16_MAX, QRIG_NETWORK_WINDOW);
    uint32_t shorter = in.height < in.width ? in.height : in.width;
    if (layer->kernel > shorter + 2u * layer->padding) {
        network_fail(reader, QRIG_NETWORK_WINDOW, offset);
    }
}
