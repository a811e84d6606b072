#include "network_internal.h"

#define MAX_MEAN 1023u
#define MAX_SCALE 31u

void network_read_data(network_reader *reader, network_record *record) {
    network_input *input = &record->input;
    uint32_t channels = record->layer.out.channels;
    record->first = record->layer.out;
    if (channels != 1 && channels != 3) {
        network_fail(reader, QRIG_NETWORK_SHAPE, record->shape_offset);
    }
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t mean = network_number(reader, 0u - MAX_MEAN, MAX_MEAN, QRIG_NETWORK_SCALE);
        input->mean[i] = (int16_t)(int32_t)mean;
    }
    input->scale = (uint8_t)network_number(reader, 1, MAX_SCALE, QRIG_NETWORK_SCALE);
}
