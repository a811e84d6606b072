#include "joins.h"
#include "q7_simd.h"

/* Beyond it nothing changes: values are zero, or, not rounded, the sign. */
#define MOST 8u

void q7_place_shifted_runs(const q7_t *in, uint32_t ch, uint32_t pixels, uint32_t shift, q7_t *out,
                           uint32_t pitch) {
    shift = shift < MOST ? shift : MOST;
    uint32_t half = q7_rounding(shift);
    uint32_t halves = half | half << 16;
    for (; pixels; pixels--, out += pitch) {
        q7_t *next = out;
        for (uint32_t words = ch >> 2; words; words--) {
            uint32_t word = q7_read4(in);
            uint32_t even = q7_sxtab16_even(halves, word) >> shift & 0x00ff00ffu;
            uint32_t odd = q7_sxtab16_odd(halves, word) >> shift & 0x00ff00ffu;
            q7_write4(next, even | odd << 8);
            in += 4;
            next += 4;
        }
        for (uint32_t rest = ch & 3u; rest; rest--) {
            *next++ = (q7_t)((*in++ + (int32_t)half) >> shift);
        }
    }
}
