#include "network_internal.h"

void network_read_relu(network_reader *reader, network_record *record) {
    qrig_network_shape in = record->in;
    network_expect_shape(reader, record, in.height, in.width, in.channels);
}
