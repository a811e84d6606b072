#include "q7_add_lanes.h"

uint32_t q7_add_halves(const q7_terms *terms, q7_t *out) {
    const q7_t *a = terms->tensors[0], *b = terms->tensors[1];
    uint32_t shift = terms->out_shift, halves = q7_both_lanes(q7_rounding(shift));
    uint32_t done = terms->size & ~3u;
    for (uint32_t k = 0; k < done; k += 4) {
        uint32_t one = q7_read4(a + k), other = q7_read4(b + k);
        q7_four_sums sums = {q7_sxtab16_even(q7_sxtab16_even(halves, one), other),
                             q7_sxtab16_odd(q7_sxtab16_odd(halves, one), other)};
        q7_write4(out + k, q7_word_of_sums(sums, shift));
    }
    return done;
}
