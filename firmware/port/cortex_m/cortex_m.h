/* What every Cortex-M4/M7 has: interrupt controller, system control, fault registers. */
#ifndef QRIG_CORTEX_M_H
#define QRIG_CORTEX_M_H

#include <stdint.h>

#define CORTEX_M_REGISTER(address) (*(volatile uint32_t *)(address))
#define CORTEX_M_NVIC_ISER(n) CORTEX_M_REGISTER(0xe000e100u + 4u * (n))
#define CORTEX_M_NVIC_ICER(n) CORTEX_M_REGISTER(0xe000e180u + 4u * (n))
#define CORTEX_M_NVIC_ICPR(n) CORTEX_M_REGISTER(0xe000e280u + 4u * (n))
#define CORTEX_M_VTOR CORTEX_M_REGISTER(0xe000ed08u)
#define CORTEX_M_AIRCR CORTEX_M_REGISTER(0xe000ed0cu)
#define CORTEX_M_CCR CORTEX_M_REGISTER(0xe000ed14u)
#define CORTEX_M_CFSR CORTEX_M_REGISTER(0xe000ed28u)
#define CORTEX_M_HFSR CORTEX_M_REGISTER(0xe000ed2cu)
#define CORTEX_M_MMFAR CORTEX_M_REGISTER(0xe000ed34u)
#define CORTEX_M_BFAR CORTEX_M_REGISTER(0xe000ed38u)
#define CORTEX_M_CPACR CORTEX_M_REGISTER(0xe000ed88u)
#define CORTEX_M_DHCSR CORTEX_M_REGISTER(0xe000edf0u)
#define CORTEX_M_DEMCR CORTEX_M_REGISTER(0xe000edfcu)

#define CORTEX_M_DHCSR_DEBUGEN (1u << 0)
#define CORTEX_M_DEMCR_TRCENA (1u << 24)

static inline void cortex_m_barrier(void) {
    __asm volatile("dsb\n\tisb" ::: "memory");
}

static inline void cortex_m_mask_interrupts(void) {
    __asm volatile("cpsid i" ::: "memory");
}

static inline void cortex_m_unmask_interrupts(void) {
    __asm volatile("cpsie i" ::: "memory");
}

static inline void cortex_m_wait(void) {
    __asm volatile("dsb\n\twfi" ::: "memory");
}

static inline void cortex_m_enable_interrupt(uint32_t number) {
    CORTEX_M_NVIC_ISER(number >> 5) = 1u << (number & 31u);
}

/* In effect when it returns. */
static inline void cortex_m_disable_interrupt(uint32_t number) {
    CORTEX_M_NVIC_ICER(number >> 5) = 1u << (number & 31u);
    cortex_m_barrier();
}

static inline void cortex_m_clear_pending(uint32_t number) {
    CORTEX_M_NVIC_ICPR(number >> 5) = 1u << (number & 31u);
}

_Noreturn static inline void cortex_m_reset(void) {
    cortex_m_barrier();
    CORTEX_M_AIRCR = 0x05fa0004u;
    for (;;) {
        cortex_m_barrier();
    }
}

#endif
