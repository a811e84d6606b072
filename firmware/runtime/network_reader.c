#include "network_internal.h"

void network_fail(network_reader *reader, qrig_network_status status, uint32_t offset) {
    if (reader->status == QRIG_NETWORK_OK) {
        reader->status = status;
        reader->failure.layer = reader->layer;
        reader->failure.offset = offset;
    }
}

/* The next bytes, or NULL if there are not so many. */
static const uint8_t *take(network_reader *reader, uint32_t bytes) {
    const uint8_t *taken = reader->file + reader->offset;
    if (bytes > reader->bytes - reader->offset) {
        network_fail(reader, QRIG_NETWORK_TRUNCATED, reader->offset);
        return NULL;
    }
    reader->offset += bytes;
    return taken;
}

uint32_t network_number(network_reader *reader, uint32_t least, uint32_t most,
                        qrig_network_status status) {
    uint32_t offset = reader->offset;
    const uint8_t *bytes = take(reader, 4);
    if (bytes == NULL) {
        return least;
    }
    uint32_t value = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                     (uint32_t)bytes[3] << 24;
    /* Numbers may be negative: least to most is a range of all 2^32. */
    if (value - least > most - least) {
        network_fail(reader, status, offset);
        return least;
    }
    return value;
}

const q7_t *network_array(network_reader *reader, uint32_t elements) {
    if (elements > QRIG_NETWORK_MAX_ELEMENTS) {
        network_fail(reader, QRIG_NETWORK_SIZE, reader->offset);
    }
    network_number(reader, elements, elements, QRIG_NETWORK_SIZE);
    return (const q7_t *)take(reader, elements);
}
