#include "fc_asm.h"
#include "q15_pass.h"

/* Two columns, in register columns, of four rows. */
#define BLOCK(columns)                                                                             \
    "ldmia r5!, {r8, r9, r12, lr}\n"                                                               \
    "smlad r0, r8, " columns ", r0\n"                                                              \
    "smlad r1, r9, " columns ", r1\n"                                                              \
    "smlad r2, r12, " columns ", r2\n"                                                             \
    "smlad r3, lr, " columns ", r3\n"

void q15_four_interleaved(q15_pass *pass) {
    pass->acc[0] = q15_start_row(pass, 0);
    pass->acc[1] = q15_start_row(pass, 1);
    pass->acc[2] = q15_start_row(pass, 2);
    pass->acc[3] = q15_start_row(pass, 3);
    uint32_t k = 0;
#if QRIG_DSP
    if (q7_on_word(pass->vec) && q7_on_word(pass->row)) {
        FC_RUN(pass, FC_LOOP(FC_LOAD_WORDS BLOCK("r10") BLOCK("r11")));
        k = pass->length & ~3u;
    }
#endif
    int32_t acc_0 = pass->acc[0], acc_1 = pass->acc[1], acc_2 = pass->acc[2], acc_3 = pass->acc[3];
    const q15_t *block = pass->row + 4 * k;
    for (; k + 2 <= pass->length; k += 2, block += 8) {
        uint32_t columns = q7_read4(pass->vec + k);
        acc_0 = q7_smlad(q7_read4(block), columns, acc_0);
        acc_1 = q7_smlad(q7_read4(block + 2), columns, acc_1);
        acc_2 = q7_smlad(q7_read4(block + 4), columns, acc_2);
        acc_3 = q7_smlad(q7_read4(block + 6), columns, acc_3);
    }
    if (k < pass->length) {
        int32_t x = pass->vec[k];
        acc_0 = q7_mla(acc_0, block[0], x);
        acc_1 = q7_mla(acc_1, block[1], x);
        acc_2 = q7_mla(acc_2, block[2], x);
        acc_3 = q7_mla(acc_3, block[3], x);
    }
    q15_put_four(pass, acc_0, acc_1, acc_2, acc_3);
}
