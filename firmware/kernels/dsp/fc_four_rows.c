#include "fc_asm.h"
#include "fc_pass.h"

#define FOUR_ROWS(load)                                                                            \
    "add r9, r8, r8, lsl #1\n" FC_LOOP(                                                            \
        load FC_TWO_ROWS("[r5, r8]", "r1", "[r5, r8, lsl #1]", "r2")                               \
            FC_TWO_ROWS("[r5, r9]", "r3", "[r5], #4", "r0"))

/* All columns but the last up to three. Returns the pass. */
static inline fc_pass *run_steps(fc_pass *pass) {
#if QRIG_DSP
    if (pass->order == FC_BYTES) {
        FC_RUN(pass, FOUR_ROWS(FC_LOAD_BYTES));
        return pass;
    }
    if (pass->order == FC_WIDENED) {
        FC_RUN(pass, FOUR_ROWS(FC_LOAD_WORDS));
        return pass;
    }
    if (q7_on_word(pass->vec)) {
        FC_RUN(pass, FOUR_ROWS(FC_LOAD_HALFWORDS));
        return pass;
    }
#endif
    const void *vec = pass->vec;
    for (uint32_t k = 0; k + 4 <= pass->length; k += 4) {
        uint32_t even, odd;
        vec = fc_load(vec, pass->order, &even, &odd);
        for (uint32_t i = 0; i < 4; i++) {
            uint32_t word = q7_read4(pass->row + i * pass->length + k);
            pass->acc[i] = fc_step(pass->acc[i], word, even, odd);
        }
    }
    return pass;
}

/* One column, beyond the last four. */
static inline void add_column(const fc_pass *pass, uint32_t k, int32_t acc[4]) {
    const q7_t *weight = pass->row + k;
    uint32_t pitch = pass->length;
    int32_t x = fc_element(pass->vec, pass->order, k);
    acc[0] = q7_mla(acc[0], weight[0], x);
    acc[1] = q7_mla(acc[1], weight[pitch], x);
    acc[2] = q7_mla(acc[2], weight[2 * pitch], x);
    acc[3] = q7_mla(acc[3], weight[3 * pitch], x);
}

void fc_four_rows(fc_pass *pass) {
    pass->acc[0] = fc_start_row(pass, 0);
    pass->acc[1] = fc_start_row(pass, 1);
    pass->acc[2] = fc_start_row(pass, 2);
    pass->acc[3] = fc_start_row(pass, 3);
    pass = run_steps(pass);
    int32_t acc[4] = {pass->acc[0], pass->acc[1], pass->acc[2], pass->acc[3]};
    uint32_t length = pass->length;
    if (length & 2u) {
        add_column(pass, length & ~3u, acc);
        add_column(pass, (length & ~3u) + 1, acc);
    }
    if (length & 1u) {
        add_column(pass, length - 1, acc);
    }
    fc_put_four(pass, acc[0], acc[1], acc[2], acc[3]);
}
