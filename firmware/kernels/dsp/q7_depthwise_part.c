#include "q7_depthwise_part.h"

#if QRIG_DSP
/* Registers: r0 place in the row, r1 channels, r2 row, r3 weights, r7 to r10 sums, r11 start of a
 * row, lr rows to go. */
_Static_assert(offsetof(q7_part, bias_shift) == 16 && offsetof(q7_part, ch) == 24 &&
                   offsetof(q7_part, pitch) == 32 && offsetof(q7_part, out_shift) == 40 &&
                   offsetof(q7_part, fours) == 44 && offsetof(q7_part, rows) == 48,
               "as the assembler has it");

/* clang-format off */

/* The sums start with bias and rounding. */
#define START                           \
    "ldr    lr, [sp, #8]\n"             \
    "ldm    lr, {r0, r1, r2, r3}\n"     \
    "ldrsb  r7, [r0], #1\n"             \
    "ldrsb  r8, [r0], #1\n"             \
    "ldrsb  r9, [r0], #1\n"             \
    "ldrsb  r10, [r0], #1\n"            \
    "add    r4, r1, #4\n"               \
    "add    r5, r2, #4\n"               \
    "add    r6, r3, #4\n"               \
    "stm    lr, {r0, r4, r5, r6}\n"     \
    "ldrd   r4, r5, [lr, #16]\n"        \
    "lsl    r7, r7, r4\n"               \
    "lsl    r8, r8, r4\n"               \
    "lsl    r9, r9, r4\n"               \
    "lsl    r10, r10, r4\n"             \
    "add    r7, r7, r5\n"               \
    "add    r8, r8, r5\n"               \
    "add    r9, r9, r5\n"               \
    "add    r10, r10, r5\n"             \
    "ldrd   r1, r11, [lr, #24]\n"       \
    "ldr    lr, [lr, #48]\n"

/* A tap: 10 instructions for 4 products, then on to the next. */
#define TAP                             \
    "ldr    r4, [r2, r0]\n"             \
    "ldr    r5, [r3, r0]\n"             \
    "sxtb16 r6, r4\n"                   \
    "sxtb16 r12, r5\n"                  \
    "sxtb16 r4, r4, ror #8\n"           \
    "sxtb16 r5, r5, ror #8\n"           \
    "smlabb r7, r6, r12, r7\n"          \
    "smlabb r8, r4, r5, r8\n"           \
    "smlatt r9, r6, r12, r9\n"          \
    "smlatt r10, r4, r5, r10\n"         \
    "adds   r0, r0, r1\n"

#define NEXT_ROW                        \
    "ldrd   r4, r5, [sp]\n"             \
    "add    r2, r2, r4\n"               \
    "add    r3, r3, r5\n"               \
    "subs   lr, lr, #1\n"

/* Shift, saturate and store. */
#define FINISH                          \
    "ldr    lr, [sp, #8]\n"             \
    "ldr    r4, [lr, #4]\n"             \
    "ldrd   r2, r3, [lr, #40]\n"        \
    "asr    r7, r7, r2\n"               \
    "asr    r8, r8, r2\n"               \
    "asr    r9, r9, r2\n"               \
    "asr    r10, r10, r2\n"             \
    "ssat   r7, #8, r7\n"               \
    "ssat   r8, #8, r8\n"               \
    "ssat   r9, #8, r9\n"               \
    "ssat   r10, #8, r10\n"             \
    "strb   r7, [r4, #-4]\n"            \
    "strb   r8, [r4, #-3]\n"            \
    "strb   r9, [r4, #-2]\n"            \
    "strb   r10, [r4, #-1]\n"           \
    "subs   r3, r3, #1\n"               \
    "str    r3, [lr, #44]\n"

/* clang-format on */

void q7_depthwise_part(q7_part *part) {
    register q7_part *address __asm("r0") = part;
    __asm volatile("ldrd r2, r3, [r0, #32]\n"
                   "push {r0, r7}\n" /* the compiler may need r7 */
                   "push {r2, r3}\n"
                   "1:\n" START "cmp lr, #0\n beq 4f\n"
                   "2: mov r0, r11\n"
                   "3:\n" TAP "bne 3b\n" NEXT_ROW "bne 2b\n"
                   "4:\n" FINISH "bne 1b\n"
                   "pop {r2, r3}\n"
                   "pop {r0, r7}\n"
                   : "+r"(address)
                   :
                   : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr",
                     "cc", "memory");
}
#else
void q7_depthwise_part(q7_part *part) {
    for (uint32_t channels = 4 * part->fours; channels; channels--) {
        q7_depthwise_part_channel(part);
    }
}
#endif
