#include "q7_internal.h"
#include "q7_simd.h"

void q7_dot_one_column(const q15_t *column, const q7_t *weights, uint32_t length, uint16_t rows,
                       q7_output output, q7_t *out) {
    for (uint32_t row = 0; row < rows; row++) {
        const q7_t *w = weights + row * length;
        const q15_t *x = column;
        int32_t acc = q7_start(output, row);
        for (uint32_t fours = length >> 2; fours; fours--) {
            uint32_t word = q7_read4(w);
            acc = q7_smlad(q7_sxtb16(word), q7_read4(x), acc);
            acc = q7_smlad(q7_sxtb16(q7_rotate8(word)), q7_read4(x + 2), acc);
            w += 4;
            x += 4;
        }
        for (uint32_t rest = length & 3u; rest; rest--) {
            acc = q7_mla(acc, *w++, *x++);
        }
        out[row] = (q7_t)q7_saturate(acc >> output.out_shift);
    }
}
