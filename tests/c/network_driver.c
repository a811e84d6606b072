/* Loads networks and runs them, as a test asks on standard input, under sanitizers: file, arena,
 * pixels and output lie in blocks of exactly their sizes.
 *
 * A request: words u32: dialect, softmax, arena bytes (0: as many as are needed; with
 * MISPLACED added the arena begins at an odd address), file bytes,
 * format (3: pixels of the network's own shape, NOTHING: do not run), width, height, x, y, region
 * width, region height; then the file and the image. The answer: words: status, layer, offset,
 * arena bytes needed, stages, input height, width and channels, output likewise; if it is loaded
 * then also what running returned, and if that is 0 every stage as its size and its bytes, then the
 * output likewise. */
#include "qrig_network.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIALECT, SOFTMAX, ARENA, FILE_BYTES, FORMAT, WIDTH, HEIGHT, X, Y, W, H, WORDS };

#define NOTHING UINT32_MAX
#define MISPLACED 0x80000000u

static uint8_t *stages;
static size_t stage_bytes;

static void put(uint32_t value) {
    fwrite(&value, sizeof value, 1, stdout);
}

static void *block(size_t bytes) {
    void *made = malloc(bytes ? bytes : 1);
    if (made == NULL) {
        exit(3);
    }
    return made;
}

static void *read_block(size_t bytes) {
    void *made = block(bytes);
    if (fread(made, 1, bytes, stdin) != bytes) {
        exit(4);
    }
    return made;
}

static void keep(const void *data, uint32_t bytes) {
    stages = realloc(stages, stage_bytes + sizeof bytes + bytes);
    if (stages == NULL) {
        exit(3);
    }
    memcpy(stages + stage_bytes, &bytes, sizeof bytes);
    memcpy(stages + stage_bytes + sizeof bytes, data, bytes);
    stage_bytes += sizeof bytes + bytes;
}

void network_stage_done(uint16_t stage, const q7_t *tensor, uint32_t bytes) {
    (void)stage;
    keep(tensor, bytes);
}

static uint32_t size_of(qrig_network_shape shape) {
    return (uint32_t)shape.height * shape.width * shape.channels;
}

static void put_shape(qrig_network_shape shape) {
    put(shape.height);
    put(shape.width);
    put(shape.channels);
}

static void run(const qrig_network *network, const uint32_t *words, const uint8_t *pixels,
                qrig_network_shape shape) {
    const qrig_network_image image = {pixels, (qrig_network_format)words[FORMAT],
                                      (uint16_t)words[WIDTH], (uint16_t)words[HEIGHT]};
    const qrig_network_roi roi = {(uint16_t)words[X], (uint16_t)words[Y], (uint16_t)words[W],
                                  (uint16_t)words[H]};
    int softmax = (int)words[SOFTMAX];
    q7_t *output = block(size_of(shape));
    stage_bytes = 0;
    qrig_network_status status = words[FORMAT] == 3
                                     ? qrig_network_run(network, pixels, softmax, output)
                                     : qrig_network_forward(network, &image, &roi, softmax, output);
    put(status);
    if (status == QRIG_NETWORK_OK) {
        keep(output, size_of(shape));
        fwrite(stages, 1, stage_bytes, stdout);
    }
    free(output);
}

static void answer(const uint32_t *words) {
    const qrig_network_options options = {(qrig_network_dialect)words[DIALECT]};
    uint8_t *file = read_block(words[FILE_BYTES]);
    uint32_t row = words[FORMAT] == 3 ? words[WIDTH] : words[WIDTH] * (words[FORMAT] + 1);
    uint8_t *pixels = read_block((size_t)row * words[HEIGHT]);
    qrig_network_failure failure = {0};
    qrig_network_demand demand;
    qrig_network network;
    qrig_network_status status =
        qrig_network_needs(file, words[FILE_BYTES], &options, &demand, &failure);
    uint32_t asked = words[ARENA] & ~MISPLACED, misplaced = words[ARENA] >> 31;
    uint32_t arena_bytes = asked ? asked : demand.arena_bytes;
    uint8_t *arena = block(status == QRIG_NETWORK_OK ? misplaced + arena_bytes : 0);
    status = qrig_network_load(file, words[FILE_BYTES], &options, arena + misplaced, arena_bytes,
                               &network, &failure);
    put(status);
    put(failure.layer);
    put(failure.offset);
    put(demand.arena_bytes);
    put(demand.stages);
    put_shape(demand.input);
    put_shape(demand.output);
    if (status == QRIG_NETWORK_OK && words[FORMAT] != NOTHING) {
        run(&network, words, pixels, demand.output);
    }
    free(arena);
    free(pixels);
    free(file);
}

int main(int count, char **arguments) {
    uint32_t words[WORDS];
    if (count > 1) {
        for (int status = 0; status < atoi(arguments[1]); status++) {
            puts(qrig_network_text((qrig_network_status)status));
        }
        return 0;
    }
    while (fread(words, sizeof words, 1, stdin) == 1) {
        answer(words);
        fflush(stdout);
    }
    free(stages);
    return 0;
}
