#include "fc_asm.h"
#include "q15_pass.h"

/* Two words of both windows, r9 to r12, and of the rows at r5 and r8; r7 is temporary. The
 * accumulators are row 0 with both windows, then row 1. */
#define STEP                                                                                       \
    "ldmia r4!, {r9, r10, r11, r12}\n"                                                             \
    "ldrd lr, r7, [r5], #8\n"                                                                      \
    "smlad r0, lr, r9, r0\n"                                                                       \
    "smlad r1, lr, r10, r1\n"                                                                      \
    "smlad r0, r7, r11, r0\n"                                                                      \
    "smlad r1, r7, r12, r1\n"                                                                      \
    "ldrd lr, r7, [r8], #8\n"                                                                      \
    "smlad r2, lr, r9, r2\n"                                                                       \
    "smlad r3, lr, r10, r3\n"                                                                      \
    "smlad r2, r7, r11, r2\n"                                                                      \
    "smlad r3, r7, r12, r3\n"
/* One and two steps if their number needs it, then four at a time. */
#define STEPS                                                                                      \
    "add r8, r5, r8, lsl #1\n"                                                                     \
    "lsrs r6, r6, #1\n"                                                                            \
    "bcc 1f\n" STEP "1: lsrs r6, r6, #1\n"                                                         \
    "bcc 2f\n" STEP STEP "2: beq 4f\n"                                                             \
    "3:\n" STEP STEP STEP STEP "subs r6, r6, #1\n"                                                 \
    "bne 3b\n"                                                                                     \
    "4:\n"

/* The next two rows; stride is the distance of the outputs of both windows. Returns the pass. */
static inline q15_pass *two_rows(q15_pass *pass, uint32_t stride) {
    pass->acc[0] = pass->acc[1] = q15_start_row(pass, 0);
    pass->acc[2] = pass->acc[3] = q15_start_row(pass, 1);
    uint32_t k = 0;
#if QRIG_DSP
    FC_RUN(pass, STEPS);
    k = pass->length & ~3u;
#endif
    int32_t acc_00 = pass->acc[0], acc_01 = pass->acc[1];
    int32_t acc_10 = pass->acc[2], acc_11 = pass->acc[3];
    for (; k < pass->length; k += 2) {
        const q15_t *weights = pass->row + k;
        uint32_t w_0 = q7_read4(weights), w_1 = q7_read4(weights + pass->pitch);
        uint32_t x_0 = q7_read4(pass->vec + 2 * k), x_1 = q7_read4(pass->vec + 2 * k + 2);
        acc_00 = q7_smlad(w_0, x_0, acc_00);
        acc_01 = q7_smlad(w_0, x_1, acc_01);
        acc_10 = q7_smlad(w_1, x_0, acc_10);
        acc_11 = q7_smlad(w_1, x_1, acc_11);
    }
    uint32_t shift = pass->out_shift;
    q15_t *out = pass->out;
    pass->out = out + 2;
    pass->row += 2 * pass->pitch;
    pass->bias += 2;
    q7_put16(out, acc_00 >> shift);
    q7_put16(out + 1, acc_10 >> shift);
    out += stride;
    q7_put16(out, acc_01 >> shift);
    q7_put16(out + 1, acc_11 >> shift);
    return pass;
}

void q15_two_windows(q15_pass *pass, uint32_t rows) {
    for (uint32_t left = rows; left; left -= 2) {
        pass = two_rows(pass, rows);
    }
}
