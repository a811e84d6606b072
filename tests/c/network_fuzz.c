/* What a fuzzer does with its bytes: load them as a network and run it, in little memory.
 *
 * Eight bytes go before the file: the dialect (bit 0), whether a softmax follows (1), whether to
 * run on pixels of the network's own shape (2), the format of an image (3 and 4); its width and
 * height; the region's x, y, width and height in it; the arena in units of 64 bytes, 0 for as much
 * as is needed. Whatever the bytes are, this returns: every block has exactly the size it needs,
 * for the address sanitizer, and what has to hold of any file is asserted. */
#include "qrig_network.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES 8u
#define MAX_ARENA_BYTES 16384u
#define SIDES 15u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint16_t next_stage;
static const uint8_t *arena_start;
static uint32_t arena_size;

static uint32_t size_of(qrig_network_shape shape) {
    return (uint32_t)shape.height * shape.width * shape.channels;
}

static void *block(size_t bytes) {
    void *made = malloc(bytes ? bytes : 1);
    assert(made != NULL);
    memset(made, 0xa5, bytes);
    return made;
}

/* Stages come in order, in the arena but for the softmax. */
void network_stage_done(uint16_t stage, const q7_t *tensor, uint32_t bytes) {
    assert(stage == next_stage++);
    size_t offset = (size_t)((const uint8_t *)tensor - arena_start);
    volatile q7_t last = tensor[bytes - 1];
    (void)last;
    assert(offset > arena_size || bytes <= arena_size - offset);
}

static qrig_network_status run(const qrig_network *network, const uint8_t *head, q7_t *output) {
    const qrig_network_image image = {NULL, (qrig_network_format)(head[0] >> 3 & 3),
                                      head[1] & SIDES, head[2] & SIDES};
    const qrig_network_roi roi = {head[3] & SIDES, head[4] & SIDES, head[5] & SIDES,
                                  head[6] & SIDES};
    int softmax = head[0] >> 1 & 1, own_shape = head[0] >> 2 & 1;
    size_t bytes = own_shape
                       ? size_of(network->input)
                       : (size_t)qrig_network_image_bytes(image.format, image.width, image.height);
    uint8_t *pixels = block(bytes);
    for (size_t i = 0; i < bytes; i++) {
        pixels[i] = (uint8_t)(i * 37 + head[1]);
    }
    qrig_network_image shown = image;
    shown.pixels = pixels;
    next_stage = 0;
    qrig_network_status status = own_shape
                                     ? qrig_network_run(network, pixels, softmax, output)
                                     : qrig_network_forward(network, &shown, &roi, softmax, output);
    free(pixels);
    assert(status == QRIG_NETWORK_OK || status == QRIG_NETWORK_IMAGE);
    assert(status != QRIG_NETWORK_OK || next_stage == network->stages + softmax);
    return status;
}

/* Each stage by itself stays within its memory, too. */
static void run_stages(const qrig_network *network, q7_t *output) {
    uint8_t *pixels = block(size_of(network->input));
    for (uint32_t stage = 0; stage <= network->stages + 1u; stage++) {
        qrig_network_status status =
            qrig_network_stage(network, (uint16_t)stage, 2, pixels, output);
        assert(status == QRIG_NETWORK_OK);
    }
    free(pixels);
}

/* Two runs of one network give the same. */
static void run_twice(const qrig_network *network, const uint8_t *head, uint32_t output_bytes) {
    q7_t *first = block(output_bytes), *second = block(output_bytes);
    assert(run(network, head, first) == run(network, head, second));
    assert(memcmp(first, second, output_bytes) == 0);
    run_stages(network, first);
    free(first);
    free(second);
}

static void load(const uint8_t *head, const uint8_t *file, uint32_t bytes,
                 const qrig_network_demand *demand) {
    const qrig_network_options options = {(qrig_network_dialect)(head[0] & 1)};
    qrig_network network;
    qrig_network_failure failure;
    uint32_t needed = demand->arena_bytes;
    arena_size = head[7] ? head[7] * 64u : needed;
    uint8_t *arena = block(arena_size);
    arena_start = arena;
    qrig_network_status status =
        qrig_network_load(file, bytes, &options, arena, arena_size, &network, &failure);
    assert(status == (needed <= arena_size ? QRIG_NETWORK_OK : QRIG_NETWORK_ARENA));
    if (status == QRIG_NETWORK_OK) {
        run_twice(&network, head, size_of(demand->output));
    }
    free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < HEAD_BYTES) {
        return 0;
    }
    const qrig_network_options options = {(qrig_network_dialect)(data[0] & 1)};
    qrig_network_demand demand;
    qrig_network_failure failure;
    const uint8_t *file = data + HEAD_BYTES;
    uint32_t bytes = (uint32_t)(size - HEAD_BYTES);
    qrig_network_status status = qrig_network_needs(file, bytes, &options, &demand, &failure);
    assert(strlen(qrig_network_text(status)) > 0);
    if (status != QRIG_NETWORK_OK) {
        assert(failure.offset <= bytes && failure.layer < QRIG_NETWORK_MAX_LAYERS);
    } else if (demand.arena_bytes <= MAX_ARENA_BYTES) {
        load(data, file, bytes, &demand);
    }
    return 0;
}
