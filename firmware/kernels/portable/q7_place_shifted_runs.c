#include "joins.h"

void q7_place_shifted_runs(const q7_t *in, uint32_t ch, uint32_t pixels, uint32_t shift, q7_t *out,
                           uint32_t pitch) {
    int32_t half = (int32_t)q7_rounding(shift);
    for (; pixels; pixels--, in += ch, out += pitch) {
        for (uint32_t c = 0; c < ch; c++) {
            out[c] = (q7_t)((in[c] + half) >> shift);
        }
    }
}
