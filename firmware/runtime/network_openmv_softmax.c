#include "network_internal.h"

/* Values up to 8 below the maximum count 2^0 (not at all) to 2^8. */
#define RANGE 8

void network_openmv_softmax(const q7_t *in, uint32_t size, q7_t *out) {
    int32_t base = INT8_MIN;
    for (uint32_t i = 0; i < size; i++) {
        base = in[i] > base ? in[i] : base;
    }
    base -= RANGE;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < size; i++) {
        sum += in[i] > base ? 1u << (in[i] - base) : 0;
    }
    uint32_t quotient = (1u << 20) / sum;
    for (uint32_t i = 0; i < size; i++) {
        uint32_t value = in[i] > base ? quotient >> (13 + base - in[i]) : 0;
        out[i] = (q7_t)(value < INT8_MAX ? value : INT8_MAX);
    }
}
