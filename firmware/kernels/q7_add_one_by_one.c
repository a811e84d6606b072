#include "joins.h"
#include "q7_simd.h"

void q7_add_one_by_one(const q7_terms *terms, uint32_t first, q7_t *out) {
    for (uint32_t k = first; k < terms->size; k++) {
        int32_t sum = (int32_t)q7_rounding(terms->out_shift);
        for (uint32_t i = 0; i < terms->count; i++) {
            sum += terms->tensors[i][k] * (1 << terms->shifts[i]);
        }
        out[k] = (q7_t)q7_saturate(sum >> terms->out_shift);
    }
}
