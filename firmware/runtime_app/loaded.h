/* The network that is loaded, and the arena that everything of it lies in: the file, unless it is
 * in flash; what the runtime lays out; records, pixels and output; and behind them room for an
 * image. */
#ifndef QRIG_LOADED_H
#define QRIG_LOADED_H

#include "qrig_network.h"
#include "server.h"
#include <stdint.h>

/* Where a file is. */
enum {
    PLACE_ARENA = 0, /* written to the arena's start */
    PLACE_STORE = 1, /* in flash */
};

/* Flags of LOAD. */
enum {
    LOAD_FAST = 1 << 0, /* reserved */
};

typedef struct {
    uint8_t place;
    uint8_t dialect;
    uint8_t flags;
    uint32_t bytes;
    uint32_t crc32;
} load_request;

/* What became of a file. */
typedef struct {
    qrig_network_status code;
    qrig_network_failure failure;
    uint32_t needed; /* bytes of the arena, the file among them if it lies there */
    uint16_t stages;
    uint16_t channels; /* of the output */
} load_outcome;

/* A piece of the arena; NULL if it does not all lie there. Of the file: what was loaded is gone. */
uint8_t *loaded_file(uint32_t offset, uint32_t bytes);
uint8_t *loaded_image(uint32_t offset, uint32_t bytes);

/* Load a file; what was loaded is gone. Returns STATUS_OK, also if the file is refused, or what is
 * wrong with the request. */
uint8_t loaded_load(const load_request *request, load_outcome *outcome);

/* The network, or NULL. */
const qrig_network *loaded_network(void);

#endif
