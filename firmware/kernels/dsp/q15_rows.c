#include "q15_pass.h"

/* acc + one row times the vector. */
static inline int32_t one_row(const q15_t *vec, const q15_t *row, uint32_t length, int32_t acc) {
    for (uint32_t steps = length >> 2; steps; steps--) {
        acc = q7_smlad(q7_read4(row), q7_read4(vec), acc);
        acc = q7_smlad(q7_read4(row + 2), q7_read4(vec + 2), acc);
        row += 4;
        vec += 4;
    }
    if (length & 2u) {
        acc = q7_smlad(q7_read4(row), q7_read4(vec), acc);
        row += 2;
        vec += 2;
    }
    if (length & 1u) {
        acc = q7_mla(acc, *row, *vec);
    }
    return acc;
}

void q15_rows(q15_pass *pass, uint32_t rows) {
    for (; rows >= 4; rows -= 4) {
        q15_four_rows(pass);
    }
    const q15_t *row = pass->row;
    for (uint32_t i = 0; i < rows; i++) {
        int32_t acc = q15_start_row(pass, i);
        acc = one_row(pass->vec, row, pass->length, acc);
        q7_put16(pass->out + i, acc >> pass->out_shift);
        row += pass->pitch;
    }
}
