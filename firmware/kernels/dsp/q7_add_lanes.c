#include "q7_add_lanes.h"

uint32_t q7_add_lanes(const q7_terms *terms, q7_t *out) {
    const q7_terms kept = *terms; /* in registers */
    uint32_t shift = kept.out_shift;
    uint32_t halves = q7_both_lanes(q7_rounding(shift)), margins = q7_byte_margins(shift);
    uint32_t done = kept.size & ~3u;
    for (uint32_t k = 0; k < done; k += 4) {
        q7_four_sums sums = {halves, halves};
        for (uint32_t i = 0; i < kept.count; i++) {
            uint32_t by = kept.shifts[i];
            sums = q7_add_word(sums, q7_read4(kept.tensors[i] + k), by, q7_lane_mask(by));
        }
        sums.even = q7_saturated_lanes(sums.even, margins);
        sums.odd = q7_saturated_lanes(sums.odd, margins);
        q7_write4(out + k, q7_word_of_sums(sums, shift));
    }
    return done;
}
