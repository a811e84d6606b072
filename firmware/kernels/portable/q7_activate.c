#include "nn_tables.h"

void q7_activate(q7_t *data, uint32_t size, const q7_t *table, uint32_t shift) {
    for (uint32_t i = 0; i < size; i++) {
        data[i] = table[NN_TABLE_ZERO + (data[i] >> shift)];
    }
}
