#include "nn_tables.h"

void q7_activate(q7_t *data, uint32_t size, const q7_t *table, uint32_t shift) {
    const q7_t *zero = table + NN_TABLE_ZERO;
    for (uint32_t fours = size >> 2; fours; fours--) {
        q7_t value_0 = zero[data[0] >> shift];
        q7_t value_1 = zero[data[1] >> shift];
        q7_t value_2 = zero[data[2] >> shift];
        q7_t value_3 = zero[data[3] >> shift];
        data[0] = value_0;
        data[1] = value_1;
        data[2] = value_2;
        data[3] = value_3;
        data += 4;
    }
    for (uint32_t rest = size & 3u; rest; rest--) {
        *data = zero[*data >> shift];
        data++;
    }
}
