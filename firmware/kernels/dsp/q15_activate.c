#include "nn_tables.h"
#include "q7_simd.h"

/* Between an entry and the next, which one load from any address brings; parts are the weights of
 * both, in lanes. */
static inline q15_t between(const q15_t *zero, int32_t x, int32_t one, uint32_t shift) {
    uint32_t pair = q7_read4(zero + (x >> shift));
    uint32_t part = (uint32_t)(x & (one - 1));
    uint32_t parts = (uint32_t)one - part + (part << 16);
    return (q15_t)(q7_smlad(pair, parts, 0) >> shift);
}

void q15_activate(q15_t *data, uint32_t size, const q15_t *table, uint32_t shift) {
    const q15_t *zero = table + NN_TABLE_ZERO;
    int32_t one = (int32_t)(1u << shift);
    for (uint32_t pairs = size >> 1; pairs; pairs--) {
        q15_t first = between(zero, data[0], one, shift);
        q15_t second = between(zero, data[1], one, shift);
        data[0] = first;
        data[1] = second;
        data += 2;
    }
    if (size & 1u) {
        *data = between(zero, *data, one, shift);
    }
}
