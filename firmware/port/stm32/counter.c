/* CYCCNT has 32 bits, which are full after seconds. TIM2 (32 bits on every family) counts coarse
 * time from the same clock: the time that passed is the one nearest to the coarse time whose lowest
 * 32 bits are those of CYCCNT. Arm DDI 0403 section C1.8 (DWT), ST RM0090 section 18.4 (TIM2). */
#include "counter.h"
#include "cortex_m.h"
#include "family.h"
#include "port.h"

#define DWT_CTRL CORTEX_M_REGISTER(0xe0001000u)
#define DWT_CYCCNT CORTEX_M_REGISTER(0xe0001004u)
#define DWT_LAR CORTEX_M_REGISTER(0xe0001fb0u)
#define DWT_LAR_UNLOCK 0xc5acce55u /* a Cortex-M7 wants it; others ignore it */
#define DWT_CTRL_CYCCNTENA (1u << 0)
#define DWT_CTRL_NOCYCCNT (1u << 25)

#define TIM2_CR1 register_at(0x40000000u)
#define TIM2_EGR register_at(0x40000014u)
#define TIM2_CNT register_at(0x40000024u)
#define TIM2_PSC register_at(0x40000028u)
#define TIM2_ARR register_at(0x4000002cu)
#define TIM_CR1_CEN (1u << 0)
#define TIM_EGR_UG (1u << 0) /* takes over the prescaler */

#define PRESCALER (TIM2_CLOCK_HZ / COUNTER_COARSE_HZ)
#define CYCLES_PER_TICK (BOARD_CLOCK_HZ / COUNTER_COARSE_HZ)

_Static_assert(PRESCALER <= 65536 && TIM2_CLOCK_HZ % COUNTER_COARSE_HZ == 0, "16 bits, exact");

static uint8_t counts;
static uint32_t start_ticks;
static uint32_t start_cycles;

static void start_coarse(void) {
    register_enable(TIM2_ENABLE);
    *TIM2_CR1 = 0;
    *TIM2_PSC = PRESCALER - 1u;
    *TIM2_ARR = UINT32_MAX;
    *TIM2_EGR = TIM_EGR_UG;
    *TIM2_CR1 = TIM_CR1_CEN;
}

/* Whether CYCCNT moves: some implementations, and most emulators, do without. */
static int moves(void) {
    uint32_t first = DWT_CYCCNT;
    for (uint32_t turn = 0; turn < 100; turn++) {
        if (DWT_CYCCNT != first) {
            return 1;
        }
    }
    return 0;
}

void counter_start(void) {
    start_coarse();
    CORTEX_M_DEMCR |= CORTEX_M_DEMCR_TRCENA;
    cortex_m_barrier();
    DWT_LAR = DWT_LAR_UNLOCK;
    DWT_CYCCNT = 0;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
    cortex_m_barrier();
    counts = !(DWT_CTRL & DWT_CTRL_NOCYCCNT) && moves();
}

int counter_counts(void) {
    return counts;
}

uint32_t counter_coarse(void) {
    return *TIM2_CNT;
}

void port_counter_start(void) {
    start_ticks = counter_coarse();
    start_cycles = DWT_CYCCNT;
}

uint64_t port_counter_stop(void) {
    uint32_t cycles = DWT_CYCCNT - start_cycles;
    uint64_t coarse = (uint64_t)(counter_coarse() - start_ticks) * CYCLES_PER_TICK;
    if (!counts) {
        return UINT64_MAX;
    }
    return coarse + (uint64_t)(int64_t)(int32_t)(cycles - (uint32_t)coarse);
}
