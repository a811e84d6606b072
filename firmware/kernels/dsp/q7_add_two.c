#include "q7_add_lanes.h"

uint32_t q7_add_two(const q7_terms *terms, q7_t *out) {
    const q7_t *a = terms->tensors[0], *b = terms->tensors[1];
    uint32_t by_a = terms->shifts[0], by_b = terms->shifts[1], shift = terms->out_shift;
    uint32_t mask_a = q7_lane_mask(by_a), mask_b = q7_lane_mask(by_b);
    uint32_t halves = q7_both_lanes(q7_rounding(shift)), margins = q7_byte_margins(shift);
    uint32_t done = terms->size & ~3u;
    for (uint32_t k = 0; k < done; k += 4) {
        q7_four_sums sums = {halves, halves};
        sums = q7_add_word(sums, q7_read4(a + k), by_a, mask_a);
        sums = q7_add_word(sums, q7_read4(b + k), by_b, mask_b);
        sums.even = q7_saturated_lanes(sums.even, margins);
        sums.odd = q7_saturated_lanes(sums.odd, margins);
        q7_write4(out + k, q7_word_of_sums(sums, shift));
    }
    return done;
}
