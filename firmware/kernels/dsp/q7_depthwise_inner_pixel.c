#include "q7_depthwise_pixels.h"
#include "q7_simd.h"

/* Channels in fours of one pixel. The assembler below knows where the fields are. */
typedef struct {
    const q15_t *table; /* of the next four, as are window and out */
    const q7_t *window;
    uint32_t taps;
    uint32_t out_shift;
    q7_t *out;
    uint32_t fours;
} q7_channels;

#if QRIG_DSP
/* Registers: r0 table, r1 window, r7 to r10 sums, r11 taps to go. */
_Static_assert(offsetof(q7_channels, out_shift) == 12 && offsetof(q7_channels, out) == 16 &&
                   offsetof(q7_channels, fours) == 20,
               "as the assembler has it");

/* clang-format off */

/* Two taps: 13 instructions for 8 products. */
#define TWO                              \
    "ldm    r0!, {r2, r3, r4, r5, r6, r12}\n" \
    "ldr    r2, [r1, r2]\n"              \
    "ldr    r3, [r1, r3]\n"              \
    "pkhbt  lr, r2, r3, lsl #16\n"       \
    "pkhtb  r2, r3, r2, asr #16\n"       \
    "sxtb16 r3, lr\n"                    \
    "sxtb16 lr, lr, ror #8\n"            \
    "smlad  r7, r3, r4, r7\n"            \
    "smlad  r8, lr, r5, r8\n"            \
    "sxtb16 r3, r2\n"                    \
    "sxtb16 r2, r2, ror #8\n"            \
    "smlad  r9, r3, r6, r9\n"            \
    "smlad  r10, r2, r12, r10\n"

/* The tap left over. */
#define ONE                              \
    "ldm    r0!, {r2, r4, r5}\n"         \
    "ldr    r2, [r1, r2]\n"              \
    "sxtb16 r3, r2\n"                    \
    "sxtb16 r2, r2, ror #8\n"            \
    "smlabb r7, r3, r4, r7\n"            \
    "smlabb r8, r2, r5, r8\n"            \
    "smlatt r9, r3, r4, r9\n"            \
    "smlatt r10, r2, r5, r10\n"

/* Shift, saturate and store; on to the next four. */
#define FINISH                           \
    "ldr    lr, [sp, #8]\n"              \
    "ldr    r2, [lr, #12]\n"             \
    "ldrd   r3, r4, [lr, #16]\n"         \
    "asr    r7, r7, r2\n"                \
    "asr    r8, r8, r2\n"                \
    "asr    r9, r9, r2\n"                \
    "asr    r10, r10, r2\n"              \
    "ssat   r7, #8, r7\n"                \
    "ssat   r8, #8, r8\n"                \
    "ssat   r9, #8, r9\n"                \
    "ssat   r10, #8, r10\n"              \
    "strb   r7, [r3], #1\n"              \
    "strb   r8, [r3], #1\n"              \
    "strb   r9, [r3], #1\n"              \
    "strb   r10, [r3], #1\n"             \
    "add    r1, r1, #4\n"                \
    "subs   r4, r4, #1\n"                \
    "strd   r3, r4, [lr, #16]\n"

/* clang-format on */

static void multiply(q7_channels *channels) {
    register q7_channels *address __asm("r0") = channels;
    __asm volatile("mov lr, r0\n"
                   "ldm r0, {r0, r1, r2}\n"
                   "push {r2, r7, lr}\n" /* the compiler may need r7 */
                   "1: ldr r11, [sp]\n"
                   "ldm r0!, {r7, r8, r9, r10}\n subs r11, r11, #2\n blt 3f\n"
                   "2:\n" TWO "subs r11, r11, #2\n bge 2b\n"
                   "3: adds r11, r11, #1\n bne 4f\n" ONE "4:\n" FINISH "bne 1b\n"
                   "pop {r2, r7, lr}\n"
                   : "+r"(address)
                   :
                   : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr",
                     "cc", "memory");
}
#else
static void two_taps(const q15_t *table, const q7_t *window, int32_t sums[4]) {
    uint32_t x_0 = q7_read4(window + q7_read4(table));
    uint32_t x_1 = q7_read4(window + q7_read4(table + 2));
    uint32_t low = q7_low_lanes(x_0, x_1);
    uint32_t high = q7_high_lanes(x_0, x_1);
    sums[0] = q7_smlad(q7_sxtb16(low), q7_read4(table + 4), sums[0]);
    sums[1] = q7_smlad(q7_sxtb16_odd(low), q7_read4(table + 6), sums[1]);
    sums[2] = q7_smlad(q7_sxtb16(high), q7_read4(table + 8), sums[2]);
    sums[3] = q7_smlad(q7_sxtb16_odd(high), q7_read4(table + 10), sums[3]);
}

static void four_channels(q7_channels *channels) {
    const q15_t *table = channels->table;
    int32_t sums[4];
    for (int i = 0; i < 4; i++, table += 2) {
        sums[i] = (int32_t)q7_read4(table);
    }
    for (uint32_t twos = channels->taps >> 1; twos; twos--, table += 12) {
        two_taps(table, channels->window, sums);
    }
    if (channels->taps & 1u) {
        const q7_t *x = channels->window + q7_read4(table);
        uint32_t even = q7_read4(table + 2);
        uint32_t odd = q7_read4(table + 4);
        sums[0] = q7_mla(sums[0], x[0], (int16_t)even);
        sums[1] = q7_mla(sums[1], x[1], (int16_t)odd);
        sums[2] = q7_mla(sums[2], x[2], (int16_t)(even >> 16));
        sums[3] = q7_mla(sums[3], x[3], (int16_t)(odd >> 16));
        table += 6;
    }
    for (int i = 0; i < 4; i++) {
        *channels->out++ = (q7_t)q7_saturate(sums[i] >> channels->out_shift);
    }
    channels->table = table;
    channels->window += 4;
}

static void multiply(q7_channels *channels) {
    for (; channels->fours; channels->fours--) {
        four_channels(channels);
    }
}
#endif

void q7_depthwise_inner_pixel(const q7_convolution *call, const q7_t *window, q7_t *out) {
    q7_channels channels = {
        .table = call->scratch,
        .window = window,
        .taps = call->x.kernel * call->y.kernel,
        .out_shift = call->out_shift,
        .out = out,
        .fours = call->ch_in >> 2,
    };
    multiply(&channels);
}
