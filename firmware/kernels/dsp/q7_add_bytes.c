#include "q7_add_lanes.h"

uint32_t q7_add_bytes(const q7_terms *terms, q7_t *out) {
    const q7_t *a = terms->tensors[0], *b = terms->tensors[1];
    uint32_t done = terms->size & ~3u;
    for (uint32_t k = 0; k < done; k += 4) {
        q7_write4(out + k, q7_qadd8(q7_read4(a + k), q7_read4(b + k)));
    }
    return done;
}
