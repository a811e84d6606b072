/* A firmware for tests of probes: vectors, a build id, data, and a core that counts for ever.
 *
 * It keeps what it sees of the debugger: whether one was attached at its start, and for how many
 * turns the trace unit, which it switches on, was off. With FAULTY it reads where nothing is. */

#include <stdint.h>

#define STACK_TOP 0x20002000u
#define NOWHERE 0x3ffffff0u
#define DHCSR (*(volatile uint32_t *)0xe000edf0u)
#define DEMCR (*(volatile uint32_t *)0xe000edfcu)
#define DEBUG_ENABLED 1u
#define TRACE_ENABLED (1u << 24)

void start(void);
void fault(void);

volatile uint32_t turns, turns_untraced, was_debugged;

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[118] = {
    STACK_TOP, (uintptr_t)start, (uintptr_t)fault, (uintptr_t)fault, (uintptr_t)fault};

__attribute__((section(".build_id"), used)) static const char build_id[16] = BUILD_ID;

__asm__(".section .rodata.data\n"
        ".global data\n"
        "data: .incbin \"" DATA "\"\n");

void start(void) {
    was_debugged = DHCSR & DEBUG_ENABLED;
    DEMCR |= TRACE_ENABLED;
#ifdef FAULTY
    turns = *(volatile uint32_t *)NOWHERE;
#endif
    for (turns = turns_untraced = 0;; turns++) {
        turns_untraced += !(DEMCR & TRACE_ENABLED);
    }
}

void fault(void) {
    for (;;) {
    }
}
