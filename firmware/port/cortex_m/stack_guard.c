/* The lowest part of the stack may not be touched: what overflows faults there already, also where
 * a chip or its model lets accesses below RAM pass. Arm DDI 0403 section B3.5 (MPU). */
#include "stack_guard.h"
#include "cortex_m.h"

#define MPU_TYPE CORTEX_M_REGISTER(0xe000ed90u)
#define MPU_CTRL CORTEX_M_REGISTER(0xe000ed94u)
#define MPU_RNR CORTEX_M_REGISTER(0xe000ed98u)
#define MPU_RBAR CORTEX_M_REGISTER(0xe000ed9cu)
#define MPU_RASR CORTEX_M_REGISTER(0xe000eda0u)
#define TYPE_REGIONS (0xffu << 8)
#define CTRL_ENABLE (1u << 0)
#define CTRL_PRIVDEFENA (1u << 2) /* all other memory is as without an MPU */
#define RASR_ENABLE (1u << 0)
#define RASR_SIZE_1_KB (9u << 1)
#define RASR_XN (1u << 28) /* and AP 0: nobody may */

/* Of the linker script. */
extern const uint32_t link_ram_start[];

void stack_guard_start(void) {
    if (!(MPU_TYPE & TYPE_REGIONS)) {
        return;
    }
    MPU_RNR = 0;
    MPU_RBAR = (uint32_t)(uintptr_t)link_ram_start;
    MPU_RASR = RASR_XN | RASR_SIZE_1_KB | RASR_ENABLE;
    MPU_CTRL = CTRL_ENABLE | CTRL_PRIVDEFENA;
    cortex_m_barrier();
}
