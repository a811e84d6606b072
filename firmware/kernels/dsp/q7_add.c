#include "q7_add_lanes.h"

/* As many sums as a faster way than one by one can do. */
static uint32_t add_fours(const q7_terms *terms, q7_t *out) {
    if (!q7_add_fits_lanes(terms)) {
        return 0;
    }
    if (terms->count != 2) {
        return q7_add_lanes(terms, out);
    }
    if (terms->shifts[0] || terms->shifts[1]) {
        return q7_add_two(terms, out);
    }
    return terms->out_shift ? q7_add_halves(terms, out) : q7_add_bytes(terms, out);
}

void q7_add(const q7_terms *terms, q7_t *out) {
    q7_add_one_by_one(terms, add_fours(terms, out), out);
}
