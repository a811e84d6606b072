#include "network_internal.h"

void network_expect_shape(network_reader *reader, const network_record *record, uint32_t height,
                          uint32_t width, uint32_t channels) {
    const qrig_network_shape *out = &record->layer.out;
    if (out->channels != channels) {
        network_fail(reader, QRIG_NETWORK_SHAPE, record->shape_offset);
    }
    if (out->height != height) {
        network_fail(reader, QRIG_NETWORK_SHAPE, record->shape_offset + 4);
    }
    if (out->width != width) {
        network_fail(reader, QRIG_NETWORK_SHAPE, record->shape_offset + 8);
    }
}
