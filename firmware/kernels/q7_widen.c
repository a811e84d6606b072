#include "q7_internal.h"
#include "q7_simd.h"

void q7_widen(const q7_t *in, uint32_t length, q15_t *out) {
    uint32_t fours = length >> 2;
    while (fours--) {
        uint32_t word = q7_read4(in);
        in += 4;
        q7_write4(out, q7_sxtb16(word));
        q7_write4(out + 2, q7_sxtb16(q7_rotate8(word)));
        out += 4;
    }
    for (uint32_t rest = length & 3u; rest; rest--) {
        *out++ = *in++;
    }
}
