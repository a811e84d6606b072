#include "nn_tables.h"

void q15_activate(q15_t *data, uint32_t size, const q15_t *table, uint32_t shift) {
    int32_t one = (int32_t)(1u << shift);
    for (uint32_t i = 0; i < size; i++) {
        int32_t entry = NN_TABLE_ZERO + (data[i] >> shift);
        int32_t part = data[i] & (one - 1);
        int32_t sum = (one - part) * table[entry] + part * table[entry + 1];
        data[i] = (q15_t)(sum >> shift);
    }
}
