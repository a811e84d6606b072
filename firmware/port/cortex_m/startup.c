/* From reset to main: vectors, memory, FPU. */
#include "cortex_m.h"
#include "stack_guard.h"

/* Of the linker script. */
extern uint32_t link_stack_top[];
extern uint32_t link_data_start[], link_data_end[];
extern const uint32_t link_data_load[];
extern uint32_t link_bss_start[], link_bss_end[];

int main(void);
void fault_entry(void);
_Noreturn void startup_reset(void);

typedef void (*vector)(void);

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack_top;
    vector system[15];
} vectors = {
    link_stack_top,
    {(vector)startup_reset, fault_entry, fault_entry, fault_entry, fault_entry, fault_entry,
     fault_entry, fault_entry, fault_entry, fault_entry, fault_entry, fault_entry, fault_entry,
     fault_entry, fault_entry},
};

void startup_reset(void) {
    CORTEX_M_VTOR = (uint32_t)(uintptr_t)&vectors;
    CORTEX_M_CCR |= 1u << 4; /* a division by zero is a fault */
#if defined(__ARM_FP)
    CORTEX_M_CPACR |= 0xfu << 20;
    cortex_m_barrier();
#endif
    stack_guard_start();
    const uint32_t *load = link_data_load;
    for (uint32_t *word = link_data_start; word < link_data_end; word++) {
        *word = *load++;
    }
    for (uint32_t *word = link_bss_start; word < link_bss_end; word++) {
        *word = 0;
    }
    (void)main();
    cortex_m_reset();
}
