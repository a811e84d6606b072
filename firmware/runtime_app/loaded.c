#include "loaded.h"
#include "crc32.h"
#include "deployment.h"
#include "inference.h"

/* Of the generated network_store.S. */
extern const uint8_t network_store[];
extern const uint32_t network_store_bytes;

static _Alignas(QRIG_NETWORK_ALIGNMENT) uint8_t arena[DEPLOYMENT_ARENA_BYTES];
static network_memory memory;
static uint32_t image_offset;
static qrig_network network;

static uint8_t *arena_at(uint32_t begin, uint32_t offset, uint32_t bytes) {
    uint32_t room = (uint32_t)sizeof arena - begin;
    if (offset > room || bytes > room - offset) {
        return NULL;
    }
    return arena + begin + offset;
}

static void unload(void) {
    memory = (network_memory){0};
}

uint8_t *loaded_file(uint32_t offset, uint32_t bytes) {
    unload();
    return arena_at(0, offset, bytes);
}

uint8_t *loaded_image(uint32_t offset, uint32_t bytes) {
    return arena_at(image_offset, offset, bytes);
}

const qrig_network *loaded_network(void) {
    return memory.stages ? &network : NULL;
}

network_memory inference_memory(void) {
    return memory;
}

static uint32_t aligned(uint32_t bytes) {
    return (bytes + QRIG_NETWORK_ALIGNMENT - 1) / QRIG_NETWORK_ALIGNMENT * QRIG_NETWORK_ALIGNMENT;
}

static uint32_t size_of(qrig_network_shape shape) {
    return (uint32_t)shape.height * shape.width * shape.channels;
}

/* Lay out what a network takes from begin on; returns where it ends. */
static uint32_t lay_out(const qrig_network_demand *demand, uint32_t begin, network_memory *found) {
    uint32_t records = begin + aligned(demand->arena_bytes);
    found->stages = demand->stages + 1u;
    found->input_bytes = size_of(demand->input);
    found->output_bytes = size_of(demand->output);
    uint32_t input = records + found->stages * (uint32_t)sizeof(stage_record);
    uint32_t output = input + aligned(found->input_bytes);
    uint32_t end = output + aligned(found->output_bytes);
    if (end <= sizeof arena) {
        found->records = (stage_record *)(void *)(arena + records);
        found->input = arena + input;
        found->output = (q7_t *)(arena + output);
    }
    return end;
}

/* The same with a file whose bytes are known to be right. */
static void load(const uint8_t *file, const load_request *request, load_outcome *outcome) {
    const qrig_network_options options = {(qrig_network_dialect)request->dialect};
    uint32_t begin = request->place == PLACE_ARENA ? aligned(request->bytes) : 0;
    qrig_network_demand demand;
    network_memory found = {0};
    outcome->code = qrig_network_needs(file, request->bytes, &options, &demand, &outcome->failure);
    if (outcome->code != QRIG_NETWORK_OK) {
        return;
    }
    outcome->needed = lay_out(&demand, begin, &found);
    if (outcome->needed > sizeof arena) {
        outcome->code = QRIG_NETWORK_ARENA;
        return;
    }
    outcome->code = qrig_network_load(file, request->bytes, &options, arena + begin,
                                      demand.arena_bytes, &network, &outcome->failure);
    outcome->stages = demand.stages;
    outcome->channels = demand.output.channels;
    image_offset = outcome->needed;
    memory = found;
}

uint8_t loaded_load(const load_request *request, load_outcome *outcome) {
    int is_stored = request->place == PLACE_STORE;
    const uint8_t *file = is_stored ? network_store : arena;
    uint32_t room = is_stored ? network_store_bytes : (uint32_t)sizeof arena;
    unload();
    if (request->place > PLACE_STORE || request->bytes > room) {
        return STATUS_BAD_REQUEST;
    }
    if (crc32_update(0, file, request->bytes) != request->crc32) {
        return STATUS_BAD_INPUT;
    }
    load(file, request, outcome);
    return STATUS_OK;
}
