#include "q7_add_lanes.h"

int q7_add_fits_lanes(const q7_terms *terms) {
    uint32_t most = q7_rounding(terms->out_shift);
    for (uint32_t i = 0; i < terms->count; i++) {
        most += 128u << terms->shifts[i];
    }
    return terms->out_shift <= Q7_MAX_LANE_SHIFT && most <= INT16_MAX;
}
