/* A fault tells the host where it happened, then waits to be reset. */
#include "cortex_m.h"
#include "server.h"

#define FRAME_BYTES 32u           /* r0-r3, r12, lr, pc, xpsr */
#define FRAME_WITH_FPU_BYTES 104u /* the same, s0-s15, fpscr and a gap */
#define EXC_RETURN_BASIC (1u << 4)
#define XPSR_ALIGNED (1u << 9)
#define CFSR_MSTKERR (1u << 4)
#define CFSR_STKERR (1u << 12)

/* Of the linker script. */
extern const uint32_t link_ram_start[], link_ram_end[];
extern const uint32_t link_stack_reserve[], link_stack_top[];
extern const uint8_t link_image_start[], link_image_end[];

/* How far below RAM a stack pointer may be to have overflowed. */
#define OVERFLOW_BYTES 4096u

/* Whether the core could store its registers there. */
static int is_stored(uint32_t frame) {
    return frame >= (uint32_t)(uintptr_t)link_ram_start && (frame & 3u) == 0 &&
           frame <= (uint32_t)(uintptr_t)link_ram_end - FRAME_WITH_FPU_BYTES &&
           !(CORTEX_M_CFSR & (CFSR_MSTKERR | CFSR_STKERR));
}

/* The stack pointer before the fault. */
static uint32_t stack_pointer(const uint32_t *frame, uint32_t exc_return) {
    uint32_t bytes = exc_return & EXC_RETURN_BASIC ? FRAME_BYTES : FRAME_WITH_FPU_BYTES;
    return (uint32_t)(uintptr_t)frame + bytes + (frame[7] & XPSR_ALIGNED ? 4u : 0u);
}

/* Whether a word may be a return address: one behind a call (BL, or BLX of a register). */
static int follows_a_call(uint32_t word) {
    uint32_t first = (uint32_t)(uintptr_t)link_image_start;
    uint32_t bytes = (uint32_t)(link_image_end - link_image_start);
    if (!(word & 1u) || word - first < 4u || word - first >= bytes) {
        return 0;
    }
    const uint16_t *behind = (const uint16_t *)(uintptr_t)(word & ~1u);
    return ((behind[-2] & 0xf800u) == 0xf000u && (behind[-1] & 0xd000u) == 0xd000u) ||
           (behind[-1] & 0xff87u) == 0x4780u;
}

/* After an overflow nothing is stored; the lowest return address above the guard is the best guess
 * at where it happened. 0 if there is none. */
static uint32_t likely_caller(uint32_t sp) {
    uint32_t lowest = (uint32_t)(uintptr_t)link_ram_start - OVERFLOW_BYTES;
    if (sp < lowest || sp >= (uint32_t)(uintptr_t)link_stack_top) {
        return 0;
    }
    for (const uint32_t *word = link_stack_reserve; word < link_stack_top; word++) {
        if (follows_a_call(*word)) {
            return *word;
        }
    }
    return 0;
}

/* Called with what was stacked and how. Where nothing could be stacked little is known. */
__attribute__((used)) static void report(const uint32_t *frame, uint32_t exc_return) {
    uint32_t sp = (uint32_t)(uintptr_t)frame;
    uint32_t unknown[8] = {0};
    if (is_stored(sp)) {
        sp = stack_pointer(frame, exc_return);
    } else {
        unknown[5] = likely_caller(sp);
        frame = unknown;
    }
    uint32_t words[] = {
        CORTEX_M_CFSR, CORTEX_M_HFSR, CORTEX_M_MMFAR, CORTEX_M_BFAR, frame[6], frame[5], frame[0],
        frame[1],      frame[2],      frame[3],       frame[4],      frame[7], sp,       exc_return,
    };
    server_fault(words, sizeof words / sizeof words[0]);
}

/* There is one stack, the main one. Ends its guard (MPU_CTRL), and goes on below the stacked
 * registers if that is within the stack, so that it stays as it was for a debugger; a stack that
 * has overflowed is used anew from its top. r4 to r11 stay as they were. */
__attribute__((naked)) void fault_entry(void);
void fault_entry(void) {
    __asm volatile("movw r2, #0xed94\n\t"
                   "movt r2, #0xe000\n\t"
                   "movs r3, #0\n\t"
                   "str r3, [r2]\n\t"
                   "dsb\n\t"
                   "isb\n\t"
                   "mrs r0, msp\n\t"
                   "mov r1, lr\n\t"
                   "movw r2, #:lower16:link_stack_reserve\n\t"
                   "movt r2, #:upper16:link_stack_reserve\n\t"
                   "movw r3, #:lower16:link_stack_top\n\t"
                   "movt r3, #:upper16:link_stack_top\n\t"
                   "cmp r0, r2\n\t"
                   "it hs\n\t"
                   "cmphs r3, r0\n\t"
                   "it lo\n\t"
                   "movlo sp, r3\n\t"
                   "bl %c0\n"
                   "0:\n\t"
                   "wfi\n\t"
                   "b 0b" ::"i"(report));
}
