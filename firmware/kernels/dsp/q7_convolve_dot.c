#include "q7_convolve_columns.h"
#include "q7_simd.h"

/* Rows of weights in pairs, with two columns. The assembler below knows where the fields are. */
typedef struct {
    const q15_t *columns;
    const q7_t *bias; /* of the next pair, as are weights and out */
    uint32_t bias_shift;
    uint32_t rounding;
    uint32_t length;
    const q7_t *weights;
    uint32_t distance; /* from the first row of a pair to the second */
    uint32_t out_shift;
    uint32_t gap; /* between the outputs of both columns */
    q7_t *out;
    uint32_t pairs;
} q7_rows;

#if QRIG_DSP
/* Registers: r0 columns, r1 first row, r2 distance, r7 and r8 sums of the first row with both
 * columns, r9 and r10 of the second row, r11 values to go. */
_Static_assert(offsetof(q7_rows, weights) == 20 && offsetof(q7_rows, out_shift) == 28 &&
                   offsetof(q7_rows, out) == 36,
               "as the assembler has it");

/* clang-format off */

/* The sums start with bias and rounding. */
#define START                      \
    "ldr    lr, [sp, #4]\n"        \
    "ldm    lr, {r0, r3, r4, r5, r11}\n" \
    "ldrsb  r7, [r3], #1\n"        \
    "ldrsb  r9, [r3], #1\n"        \
    "str    r3, [lr, #4]\n"        \
    "lsl    r7, r7, r4\n"          \
    "lsl    r9, r9, r4\n"          \
    "add    r7, r7, r5\n"          \
    "add    r9, r9, r5\n"          \
    "mov    r8, r7\n"              \
    "mov    r10, r9\n"

/* Four values: 15 instructions for 16 products. */
#define FOUR                       \
    "ldr    r12, [r1, r2]\n"       \
    "ldm    r0!, {r3, r4, r5, r6}\n" \
    "sxtb16 lr, r12\n"             \
    "sxtb16 r12, r12, ror #8\n"    \
    "smlad  r9, lr, r3, r9\n"      \
    "smlad  r10, lr, r5, r10\n"    \
    "ldr    lr, [r1], #4\n"        \
    "smlad  r9, r12, r4, r9\n"     \
    "smlad  r10, r12, r6, r10\n"   \
    "sxtb16 r12, lr\n"             \
    "sxtb16 lr, lr, ror #8\n"      \
    "smlad  r7, r12, r3, r7\n"     \
    "smlad  r8, r12, r5, r8\n"     \
    "smlad  r7, lr, r4, r7\n"      \
    "smlad  r8, lr, r6, r8\n"

/* One value. */
#define ONE                        \
    "ldrsb  r12, [r1, r2]\n"       \
    "ldrsb  lr, [r1], #1\n"        \
    "ldr    r3, [r0], #4\n"        \
    "smlabb r9, r12, r3, r9\n"     \
    "smlabt r10, r12, r3, r10\n"   \
    "smlabb r7, lr, r3, r7\n"      \
    "smlabt r8, lr, r3, r8\n"

/* Shift, saturate and store; column 1 first, column 0 prevails if both go to one place. */
#define FINISH                     \
    "ldr    lr, [sp, #4]\n"        \
    "ldrd   r3, r4, [lr, #28]\n"   \
    "ldrd   r5, r6, [lr, #36]\n"   \
    "asr    r7, r7, r3\n"          \
    "asr    r8, r8, r3\n"          \
    "asr    r9, r9, r3\n"          \
    "asr    r10, r10, r3\n"        \
    "ssat   r7, #8, r7\n"          \
    "ssat   r8, #8, r8\n"          \
    "ssat   r9, #8, r9\n"          \
    "ssat   r10, #8, r10\n"        \
    "strb   r8, [r5, r4]\n"        \
    "strb   r7, [r5], #1\n"        \
    "strb   r10, [r5, r4]\n"       \
    "strb   r9, [r5], #1\n"        \
    "add    r1, r1, r2\n"          \
    "subs   r6, r6, #1\n"          \
    "strd   r5, r6, [lr, #36]\n"

/* clang-format on */

static void multiply(q7_rows *rows) {
    register q7_rows *address __asm("r0") = rows;
    __asm volatile("mov lr, r0\n"
                   "push {r7, lr}\n" /* the compiler may need r7 */
                   "ldrd r1, r2, [r0, #20]\n"
                   "1:\n" START "subs r11, r11, #16\n blt 3f\n"
                   "2: .rept 4\n" FOUR ".endr\n subs r11, r11, #16\n bge 2b\n"
                   "3: adds r11, r11, #12\n blt 5f\n"
                   "4:\n" FOUR "subs r11, r11, #4\n bge 4b\n"
                   "5: adds r11, r11, #4\n beq 7f\n"
                   "6:\n" ONE "subs r11, r11, #1\n bne 6b\n"
                   "7:\n" FINISH "bne 1b\n"
                   "pop {r7, lr}\n"
                   : "+r"(address)
                   :
                   : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr",
                     "cc", "memory");
}
#else
static void multiply_four(int32_t sums[2], const q7_t *w, const q15_t *x) {
    uint32_t word = q7_read4(w);
    uint32_t even = q7_sxtb16(word);
    uint32_t odd = q7_sxtb16_odd(word);
    sums[0] = q7_smlad(even, q7_read4(x), sums[0]);
    sums[0] = q7_smlad(odd, q7_read4(x + 2), sums[0]);
    sums[1] = q7_smlad(even, q7_read4(x + 4), sums[1]);
    sums[1] = q7_smlad(odd, q7_read4(x + 6), sums[1]);
}

static void multiply_row(const q7_rows *rows, const q7_t *bias, const q7_t *w, q7_t *out) {
    uint32_t start = ((uint32_t)(int32_t)*bias << rows->bias_shift) + rows->rounding;
    int32_t sums[2] = {(int32_t)start, (int32_t)start};
    const q15_t *x = rows->columns;
    for (uint32_t fours = rows->length >> 2; fours; fours--) {
        multiply_four(sums, w, x);
        w += 4;
        x += 8;
    }
    for (uint32_t rest = rows->length & 3u; rest; rest--) {
        sums[0] = q7_mla(sums[0], *w, *x++);
        sums[1] = q7_mla(sums[1], *w++, *x++);
    }
    out[rows->gap] = (q7_t)q7_saturate(sums[1] >> rows->out_shift);
    out[0] = (q7_t)q7_saturate(sums[0] >> rows->out_shift);
}

static void multiply(q7_rows *rows) {
    for (; rows->pairs; rows->pairs--) {
        multiply_row(rows, rows->bias, rows->weights, rows->out);
        multiply_row(rows, rows->bias + 1, rows->weights + rows->distance, rows->out + 1);
        rows->weights += rows->length + rows->distance;
        rows->bias += 2;
        rows->out += 2;
    }
}
#endif

void q7_dot_columns(const q7_convolution *call, uint32_t length, q7_t *out, uint32_t gap) {
    q7_rows rows = {
        .columns = call->scratch,
        .bias = call->bias,
        .bias_shift = call->bias_shift,
        .rounding = q7_rounding(call->out_shift),
        .length = length,
        .weights = call->weights,
        .distance = length,
        .out_shift = call->out_shift,
        .gap = gap,
        .out = out,
        .pairs = call->ch_out >> 1,
    };
    if (rows.pairs) {
        multiply(&rows);
    }
    if (call->ch_out & 1u) { /* the last row makes a pair of its own */
        uint32_t row = call->ch_out - 1;
        const q7_t bias[2] = {call->bias[row], call->bias[row]};
        q7_t pixels[4];
        rows.bias = bias;
        rows.weights = call->weights + row * length;
        rows.distance = 0;
        rows.gap = 2;
        rows.out = pixels;
        rows.pairs = 1;
        multiply(&rows);
        out[row + gap] = pixels[2];
        out[row] = pixels[0];
    }
}
