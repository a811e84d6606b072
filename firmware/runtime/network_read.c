#include "network_internal.h"

#define MAGIC 0x45464143u /* CAFE */

/* What the layer needs while it is computed: its input, its output and scratch memory. A ReLU
 * works in place. */
static uint32_t tensor_bytes(const network_record *record) {
    uint32_t out = network_aligned(network_size(record->layer.out));
    if (record->layer.type == NETWORK_DATA || record->layer.type == NETWORK_RELU) {
        return out;
    }
    uint32_t scratch = network_scratch_bytes(&record->layer, record->in);
    return out + network_aligned(network_size(record->in)) + network_aligned(scratch);
}

/* All layers; returns the bytes of the memory that their tensors share. */
static uint32_t read_layers(network_reader *reader, network_record *record, network_layer *layers,
                            uint32_t count) {
    uint32_t largest = 0;
    for (uint32_t i = 0; i < count && reader->status == QRIG_NETWORK_OK; i++) {
        reader->layer = (uint16_t)i;
        network_read_layer(reader, record);
        if (reader->status == QRIG_NETWORK_OK) {
            uint32_t bytes = tensor_bytes(record);
            largest = bytes > largest ? bytes : largest;
            if (layers != NULL && i > 0) {
                layers[i - 1] = record->layer;
            }
        }
    }
    return largest;
}

qrig_network_status network_read(const void *file, uint32_t bytes, network_layer *layers,
                                 network_summary *summary, qrig_network_failure *failure) {
    network_reader reader = {.file = file, .bytes = bytes};
    network_record record = {.batch = 0};
    network_number(&reader, MAGIC, MAGIC, QRIG_NETWORK_MAGIC);
    uint32_t count = network_number(&reader, 2, QRIG_NETWORK_MAX_LAYERS, QRIG_NETWORK_LAYERS);
    uint32_t tensors = read_layers(&reader, &record, layers, count);
    if (reader.offset != bytes) {
        network_fail(&reader, QRIG_NETWORK_TRAILING, reader.offset);
    }
    *failure = reader.failure;
    summary->table_bytes = network_aligned((count - 1) * (uint32_t)sizeof *layers);
    summary->input = record.input;
    summary->demand.arena_bytes = summary->table_bytes + tensors;
    summary->demand.input = record.first;
    summary->demand.output = record.layer.out;
    summary->demand.stages = (uint16_t)count;
    return reader.status;
}
