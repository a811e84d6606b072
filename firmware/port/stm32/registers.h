/* Access to registers, and waits for them that end. */
#ifndef QRIG_REGISTERS_H
#define QRIG_REGISTERS_H

#include <stdint.h>

/* 0.1 s or more at 16 MHz and below, where the core starts: several times what any wait of the
 * reference manuals takes, a crystal's start included. */
#define REGISTER_TURNS 200000u

/* The register at an address. */
static inline volatile uint32_t *register_at(uint32_t address) {
    return (volatile uint32_t *)(uintptr_t)address;
}

/* Give the bits of the mask this value, and leave the others alone. */
static inline void register_set(volatile uint32_t *place, uint32_t mask, uint32_t value) {
    *place = (*place & ~mask) | value;
}

/* Set bits and read them back: a peripheral's clock takes two cycles to arrive. */
static inline void register_enable(volatile uint32_t *place, uint32_t bits) {
    *place |= bits;
    (void)*place;
}

/* Wait until the bits of the mask have this value; zero if they never do. */
static inline int register_wait(const volatile uint32_t *place, uint32_t mask, uint32_t value) {
    for (uint32_t turn = 0; turn < REGISTER_TURNS; turn++) {
        if ((*place & mask) == value) {
            return 1;
        }
    }
    return 0;
}

#endif
