/* In place of firmware/port/cortex_m/cortex_m.h. */
#ifndef QRIG_CORTEX_M_H
#define QRIG_CORTEX_M_H

#include "registers.h"

#define CORTEX_M_REGISTER(address) (*fake_register(address))
#define CORTEX_M_DEMCR CORTEX_M_REGISTER(0xe000edfcu)
#define CORTEX_M_DEMCR_TRCENA (1u << 24)

/* Called in place of WFI: the test makes something arrive. */
extern void (*fake_wait)(void);

static inline void cortex_m_barrier(void) {}

static inline void cortex_m_mask_interrupts(void) {}

static inline void cortex_m_unmask_interrupts(void) {}

static inline void cortex_m_wait(void) {
    fake_wait();
}

static inline void cortex_m_enable_interrupt(uint32_t number) {
    *fake_register(0xe000e100u + number) = 1;
}

static inline void cortex_m_disable_interrupt(uint32_t number) {
    *fake_register(0xe000e100u + number) = 0;
}

static inline void cortex_m_clear_pending(uint32_t number) {
    *fake_register(0xe000e280u + number) = 0;
}

#endif
