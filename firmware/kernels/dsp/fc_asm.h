/* The frame of the inner loops in assembly (fc_*, q15_*), for cores with the DSP extension. GCC
 * keeps neither the values of such a loop in registers nor the rotation inside SXTB16. A loop takes
 * its registers from the first members of a pass and gives its accumulators back:
 *   r0-r3 accumulators, r4 the vector, r5 the row, r6 the number of steps, r8 the pitch of rows
 * One step is four columns. r7, r9-r12 and lr are free. Registers the caller owns are saved by
 * hand: the compiler then has enough left at any optimisation, with a frame pointer, too. */
#ifndef QRIG_FC_ASM_H
#define QRIG_FC_ASM_H

#include "q7_simd.h"

#define FC_RUN(pass, code)                                                                         \
    __asm volatile("push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"                                 \
                   "ldmia %0, {r0, r1, r2, r3, r4, r5, r6, r8}\n" code                             \
                   "pop {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"                                  \
                   "stmia %0, {r0, r1, r2, r3}\n"                                                  \
                   : "+r"(pass)                                                                    \
                   :                                                                               \
                   : "r0", "r1", "r2", "r3", "r12", "cc", "memory")

/* Runs step r6 times: once if that is odd, then two at a time. */
#define FC_LOOP(step)                                                                              \
    "lsrs r6, r6, #1\n"                                                                            \
    "bcc 1f\n" step "1: beq 3f\n"                                                                  \
    "2:\n" step step "subs r6, r6, #1\n"                                                           \
    "bne 2b\n"                                                                                     \
    "3:\n"

/* Four elements of the vector into r10 and r11: 0 and 2, 1 and 3 of bytes or of halfwords; or
 * halfwords as they lie. Halfwords need an address on words. */
#define FC_LOAD_BYTES                                                                              \
    "ldr r10, [r4], #4\n"                                                                          \
    "sxtb16 r11, r10, ror #8\n"                                                                    \
    "sxtb16 r10, r10\n"
#define FC_LOAD_HALFWORDS                                                                          \
    "ldrd r12, r11, [r4], #8\n"                                                                    \
    "pkhbt r10, r12, r11, lsl #16\n"                                                               \
    "pkhtb r11, r11, r12, asr #16\n"
#define FC_LOAD_WORDS "ldrd r10, r11, [r4], #8\n"

/* Four 8-bit weights each of two rows. */
#define FC_TWO_ROWS(address_a, acc_a, address_b, acc_b)                                            \
    "ldr r12, " address_a "\n"                                                                     \
    "ldr r7, " address_b "\n"                                                                      \
    "sxtb16 lr, r12\n"                                                                             \
    "sxtb16 r12, r12, ror #8\n"                                                                    \
    "smlad " acc_a ", lr, r10, " acc_a "\n"                                                        \
    "sxtb16 lr, r7\n"                                                                              \
    "smlad " acc_a ", r12, r11, " acc_a "\n"                                                       \
    "sxtb16 r7, r7, ror #8\n"                                                                      \
    "smlad " acc_b ", lr, r10, " acc_b "\n"                                                        \
    "smlad " acc_b ", r7, r11, " acc_b "\n"

#endif
