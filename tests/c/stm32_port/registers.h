/* In place of firmware/port/stm32/registers.h: every register is a cell that a test reads and
 * writes. */
#ifndef QRIG_REGISTERS_H
#define QRIG_REGISTERS_H

#include <stdint.h>

/* The cell of an address. */
volatile uint32_t *fake_register(uint32_t address);

#define register_at(address) fake_register(address)

static inline void register_set(volatile uint32_t *place, uint32_t mask, uint32_t value) {
    *place = (*place & ~mask) | value;
}

static inline void register_enable(volatile uint32_t *place, uint32_t bits) {
    *place |= bits;
}

/* Whether the bits have this value. If the test says so (fake_obeys) the hardware sees to it. */
int register_wait(volatile uint32_t *place, uint32_t mask, uint32_t value);

#endif
