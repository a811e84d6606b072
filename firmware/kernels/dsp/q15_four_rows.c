#include "fc_asm.h"
#include "q15_pass.h"

/* Four columns of four rows at r5, r8, r9, r12; r7 is temporary. */
#define ROW(row, acc)                                                                              \
    "ldrd lr, r7, [" row "], #8\n"                                                                 \
    "smlad " acc ", lr, r10, " acc "\n"                                                            \
    "smlad " acc ", r7, r11, " acc "\n"
#define ON_WORDS                                                                                   \
    "add r12, r8, r8, lsl #1\n"                                                                    \
    "add r9, r5, r8, lsl #2\n"                                                                     \
    "add r12, r5, r12, lsl #1\n"                                                                   \
    "add r8, r5, r8, lsl #1\n" FC_LOOP(FC_LOAD_WORDS ROW("r5", "r0") ROW("r8", "r1")               \
                                           ROW("r9", "r2") ROW("r12", "r3"))

/* Two columns of four rows, anywhere. */
#define HALF_ROW(address, acc)                                                                     \
    "ldr r11, " address "\n"                                                                       \
    "smlad " acc ", r11, r10, " acc "\n"
#define HALF_STEP                                                                                  \
    "ldr r10, [r4], #4\n" HALF_ROW("[r5, r8]", "r1") HALF_ROW("[r5, r8, lsl #1]", "r2")            \
        HALF_ROW("[r5, r9]", "r3") HALF_ROW("[r5], #4", "r0")
#define ANYWHERE                                                                                   \
    "lsl r8, r8, #1\n"                                                                             \
    "add r9, r8, r8, lsl #1\n" FC_LOOP(HALF_STEP HALF_STEP)

/* All columns but the last up to three. Returns the pass. */
static inline q15_pass *run_steps(q15_pass *pass) {
#if QRIG_DSP
    if (q7_on_word(pass->vec) && q7_on_word(pass->row) && (pass->pitch & 1u) == 0) {
        FC_RUN(pass, ON_WORDS);
    } else {
        FC_RUN(pass, ANYWHERE);
    }
#else
    for (uint32_t k = 0; k + 4 <= pass->length; k += 4) {
        for (uint32_t i = 0; i < 4; i++) {
            const q15_t *weights = pass->row + i * pass->pitch + k;
            int32_t acc = q7_smlad(q7_read4(weights), q7_read4(pass->vec + k), pass->acc[i]);
            pass->acc[i] = q7_smlad(q7_read4(weights + 2), q7_read4(pass->vec + k + 2), acc);
        }
    }
#endif
    return pass;
}

void q15_four_rows(q15_pass *pass) {
    pass->acc[0] = q15_start_row(pass, 0);
    pass->acc[1] = q15_start_row(pass, 1);
    pass->acc[2] = q15_start_row(pass, 2);
    pass->acc[3] = q15_start_row(pass, 3);
    pass = run_steps(pass);
    int32_t acc_0 = pass->acc[0], acc_1 = pass->acc[1], acc_2 = pass->acc[2], acc_3 = pass->acc[3];
    uint32_t pitch = pass->pitch;
    const q15_t *vec = pass->vec + (pass->length & ~3u), *row = pass->row + (pass->length & ~3u);
    if (pass->length & 2u) {
        uint32_t x = q7_read4(vec);
        acc_0 = q7_smlad(q7_read4(row), x, acc_0);
        acc_1 = q7_smlad(q7_read4(row + pitch), x, acc_1);
        acc_2 = q7_smlad(q7_read4(row + 2 * pitch), x, acc_2);
        acc_3 = q7_smlad(q7_read4(row + 3 * pitch), x, acc_3);
        vec += 2;
        row += 2;
    }
    if (pass->length & 1u) {
        acc_0 = q7_mla(acc_0, row[0], *vec);
        acc_1 = q7_mla(acc_1, row[pitch], *vec);
        acc_2 = q7_mla(acc_2, row[2 * pitch], *vec);
        acc_3 = q7_mla(acc_3, row[3 * pitch], *vec);
    }
    q15_put_four(pass, acc_0, acc_1, acc_2, acc_3);
}
