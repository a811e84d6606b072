/* A fault tells the host where it happened, then waits to be reset. */
#include "cortex_m.h"
#include "server.h"

__attribute__((used)) static void report(const uint32_t *stacked) {
    uint32_t words[] = {
        CORTEX_M_CFSR, CORTEX_M_HFSR, CORTEX_M_MMFAR, CORTEX_M_BFAR, stacked[6], stacked[5],
    };
    server_fault(words, sizeof words / sizeof words[0]);
    for (;;) {
        cortex_m_wait();
    }
}

__attribute__((naked)) void fault_entry(void);
void fault_entry(void) {
    __asm volatile("tst lr, #4\n\t"
                   "ite eq\n\t"
                   "mrseq r0, msp\n\t"
                   "mrsne r0, psp\n\t"
                   "b %c0" ::"i"(report));
}
