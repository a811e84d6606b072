#include "arena.h"
#include "deployment.h"
#include <stddef.h>

static _Alignas(16) uint8_t arena[DEPLOYMENT_ARENA_BYTES];

uint8_t *arena_at(uint32_t offset, uint32_t bytes) {
    if (offset > sizeof arena || bytes > sizeof arena - offset) {
        return NULL;
    }
    return arena + offset;
}

uint32_t arena_bytes(void) {
    return sizeof arena;
}
