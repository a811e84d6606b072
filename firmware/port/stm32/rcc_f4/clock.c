/* The clock tree of F4 and F7: oscillator, 2 MHz, PLL, core; APB1 a quarter, APB2 half of that. */
#include "clock.h"
#include "family.h"
#include "oscillator.h"

#define CR_PLLON (1u << 24)
#define CR_PLLRDY (1u << 25)
#define CFGR_SW (3u << 0)
#define CFGR_SW_PLL (2u << 0)
#define CFGR_SWS (3u << 2)
#define CFGR_SWS_PLL (2u << 2)
#define CFGR_DIVIDERS (0xfu << 4 | 7u << 10 | 7u << 13)
#define CFGR_HPRE_1 (0u << 4)
#define CFGR_PPRE1_4 (5u << 10)
#define CFGR_PPRE2_2 (4u << 13)
#define PLLCFGR_HSE (1u << 22)
#define PWR_OD_EN (1u << 16)
#define PWR_OD_SWITCH (1u << 17)

#define HSI_HZ 16000000u
#define PLL_INPUT_HZ 2000000u /* the higher of the two recommended, for less jitter */
#define PLL_N (2u * BOARD_CLOCK_HZ / PLL_INPUT_HZ)
#define PLL_Q ((2u * BOARD_CLOCK_HZ + 47999999u) / 48000000u) /* at most 48 MHz; nobody uses it */
#define PLL_R 2u                                              /* as after a reset */

_Static_assert(BOARD_HSE_HZ % PLL_INPUT_HZ == 0, "the PLL's input divider is a whole number");
_Static_assert(BOARD_CLOCK_HZ % (PLL_INPUT_HZ / 2u) == 0 && PLL_N <= 432, "the PLL's factor");

static void start_pll(int is_external) {
    uint32_t source_hz = is_external ? BOARD_HSE_HZ : HSI_HZ;
    *RCC_PLLCFGR = source_hz / PLL_INPUT_HZ | PLL_N << 6 | (is_external ? PLLCFGR_HSE : 0u) |
                   PLL_Q << 24 | PLL_R << 28;
    *RCC_CR |= CR_PLLON;
}

/* RM0090 section 5.1.4, RM0385 section 4.1.4: between the PLL's start and its use. */
static void overdrive(void) {
    *PWR_CR |= PWR_OD_EN;
    clock_need(register_wait(PWR_CSR, PWR_OD_EN, PWR_OD_EN));
    *PWR_CR |= PWR_OD_SWITCH;
    clock_need(register_wait(PWR_CSR, PWR_OD_SWITCH, PWR_OD_SWITCH));
}

/* The first F405/407, whose IDCODE is that of F2, must not prefetch (ST ES0182, revision A). */
static uint32_t accelerations(void) {
    uint32_t device = *register_at(0xe0042000u) & 0xfffu;
    return device == 0x411u ? FLASH_ACCELERATE & ~(1u << 8) : FLASH_ACCELERATE;
}

void clock_start(void) {
    int is_external = oscillator_start();
    register_enable(PWR_ENABLE);
    *PWR_CR |= POWER_SCALE_1;
    start_pll(is_external);
    if (POWER_OVERDRIVE) {
        overdrive();
    }
    *FLASH_ACR = FLASH_WAIT_STATES | accelerations();
    clock_need(register_wait(FLASH_ACR, 0xfu, FLASH_WAIT_STATES));
    register_set(RCC_CFGR, CFGR_DIVIDERS, CFGR_HPRE_1 | CFGR_PPRE1_4 | CFGR_PPRE2_2);
    clock_need(register_wait(RCC_CR, CR_PLLRDY, CR_PLLRDY));
    register_set(RCC_CFGR, CFGR_SW, CFGR_SW_PLL);
    clock_need(register_wait(RCC_CFGR, CFGR_SWS, CFGR_SWS_PLL));
}
