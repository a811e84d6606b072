#include "block.h"
#include "deployment.h"
#include <stdlib.h>
#include <string.h>

#if DEPLOYMENT_OWN_BLOCKS

/* Bytes in front of a tensor that keep its alignment what it is in the arena. */
static uint32_t lead(const uint8_t *tensor) {
    return (uint32_t)((uintptr_t)tensor & 3u);
}

uint8_t *block_open(uint8_t *stored, uint32_t bytes) {
    uint8_t *block = malloc(lead(stored) + bytes);
    if (block == NULL) {
        return NULL;
    }
    return memcpy(block + lead(stored), stored, bytes);
}

void block_close(uint8_t *place, uint8_t *stored, uint32_t bytes) {
    memcpy(stored, place, bytes);
    free(place - lead(stored));
}

#else

uint8_t *block_open(uint8_t *stored, uint32_t bytes) {
    (void)bytes;
    return stored;
}

void block_close(uint8_t *place, uint8_t *stored, uint32_t bytes) {
    (void)place;
    (void)stored;
    (void)bytes;
}

#endif
