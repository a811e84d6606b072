#include "fc_asm.h"
#include "fc_pass.h"

/* A word has two columns, in register columns, of two rows; r7 is temporary. */
#define WORD(word, columns, acc_a, acc_b)                                                          \
    "sxtb16 r7, " word "\n"                                                                        \
    "sxtb16 " word ", " word ", ror #8\n"                                                          \
    "smlad " acc_a ", r7, " columns ", " acc_a "\n"                                                \
    "smlad " acc_b ", " word ", " columns ", " acc_b "\n"
#define INTERLEAVED(load)                                                                          \
    FC_LOOP(load "ldmia r5!, {r8, r9, r12, lr}\n" WORD("r8", "r10", "r0", "r1") WORD(              \
        "r9", "r10", "r2", "r3") WORD("r12", "r11", "r0", "r1") WORD("lr", "r11", "r2", "r3"))

/* Two columns of two rows. */
static inline void add_word(const q7_t *weights, uint32_t columns, int32_t *acc) {
    uint32_t word = q7_read4(weights);
    acc[0] = q7_smlad(q7_sxtb16(word), columns, acc[0]);
    acc[1] = q7_smlad(q7_sxtb16_odd(word), columns, acc[1]);
}

/* All columns but the last up to three. Returns the pass. */
static inline fc_pass *run_steps(fc_pass *pass) {
#if QRIG_DSP
    if (q7_on_word(pass->row)) {
        if (pass->order == FC_BYTES) {
            FC_RUN(pass, INTERLEAVED(FC_LOAD_BYTES));
            return pass;
        }
        if (q7_on_word(pass->vec)) {
            FC_RUN(pass, INTERLEAVED(FC_LOAD_WORDS));
            return pass;
        }
    }
#endif
    /* Halfwords are used as they lie: columns 0 and 1 are the even ones then. */
    fc_order order = pass->order == FC_BYTES ? FC_BYTES : FC_WIDENED;
    const void *vec = pass->vec;
    for (uint32_t k = 0; k + 4 <= pass->length; k += 4) {
        const q7_t *block = pass->row + 4 * k;
        uint32_t even, odd;
        vec = fc_load(vec, order, &even, &odd);
        add_word(block, even, pass->acc);
        add_word(block + 4, even, pass->acc + 2);
        add_word(block + 8, odd, pass->acc);
        add_word(block + 12, odd, pass->acc + 2);
    }
    return pass;
}

/* The last up to three columns. */
static inline void add_rest(const fc_pass *pass, uint32_t rest, int32_t acc[4]) {
    uint32_t k = pass->length - rest;
    const q7_t *block = pass->row + 4 * k;
    if (rest >= 2 && pass->order == FC_HALFWORDS) {
        uint32_t columns = q7_read4((const q15_t *)pass->vec + k);
        add_word(block, columns, acc);
        add_word(block + 4, columns, acc + 2);
        block += 8;
        k += 2;
    }
    for (; k < pass->length; k++, block += 4) {
        int32_t x = fc_element(pass->vec, pass->order, k);
        acc[0] = q7_mla(acc[0], block[0], x);
        acc[1] = q7_mla(acc[1], block[1], x);
        acc[2] = q7_mla(acc[2], block[2], x);
        acc[3] = q7_mla(acc[3], block[3], x);
    }
}

void fc_four_interleaved(fc_pass *pass) {
    pass->acc[0] = fc_start_row(pass, 0);
    pass->acc[1] = fc_start_row(pass, 1);
    pass->acc[2] = fc_start_row(pass, 2);
    pass->acc[3] = fc_start_row(pass, 3);
    pass = run_steps(pass);
    int32_t acc[4] = {pass->acc[0], pass->acc[1], pass->acc[2], pass->acc[3]};
    if (pass->length & 3u) {
        add_rest(pass, pass->length & 3u, acc);
    }
    fc_put_four(pass, acc[0], acc[1], acc[2], acc[3]);
}
