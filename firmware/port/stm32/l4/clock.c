/* The clock tree of L4+: oscillator, 8 MHz, PLL, core; buses at the core's clock. */
#include "clock.h"
#include "family.h"
#include "oscillator.h"

#define CR_HSION (1u << 8)
#define CR_HSIRDY (1u << 10)
#define CR_PLLON (1u << 24)
#define CR_PLLRDY (1u << 25)
#define CFGR_SW (3u << 0)
#define CFGR_SW_PLL (3u << 0)
#define CFGR_SWS (3u << 2)
#define CFGR_SWS_PLL (3u << 2)
#define CFGR_HPRE (0xfu << 4)
#define CFGR_HPRE_2 (8u << 4)
#define PLLCFGR_HSI (2u << 0)
#define PLLCFGR_HSE (3u << 0)
#define PLLCFGR_REN (1u << 24)
#define PWR_CR1_VOS (3u << 9)
#define PWR_CR1_RANGE_1 (1u << 9)
#define PWR_CR2_IOSV (1u << 9)
#define PWR_SR2_VOSF (1u << 10)
#define PWR_CR5_R1MODE (1u << 8)

/* Section 3.3.3: 5 wait states above 100 MHz in boost mode; section 3.7.1: prefetch, caches. */
#define FLASH_WAIT_STATES 5u
#define FLASH_ACCELERATE (1u << 8 | 1u << 9 | 1u << 10)

#define HSI_HZ 16000000u
#define PLL_INPUT_HZ 8000000u
#define PLL_N (2u * BOARD_CLOCK_HZ / PLL_INPUT_HZ) /* R divides by 2 */

_Static_assert(BOARD_HSE_HZ % PLL_INPUT_HZ == 0, "the PLL's input divider is a whole number");
_Static_assert(BOARD_CLOCK_HZ % (PLL_INPUT_HZ / 2u) == 0 && PLL_N <= 43, "344 MHz at most");
_Static_assert(BOARD_CLOCK_HZ > 80000000u, "slower clocks need no boost mode");

static void start_pll(int is_external) {
    if (!is_external) {
        *RCC_CR |= CR_HSION;
        clock_need(register_wait(RCC_CR, CR_HSIRDY, CR_HSIRDY));
    }
    uint32_t divider = (is_external ? BOARD_HSE_HZ : HSI_HZ) / PLL_INPUT_HZ;
    *RCC_PLLCFGR =
        (is_external ? PLLCFGR_HSE : PLLCFGR_HSI) | (divider - 1u) << 4 | PLL_N << 8 | PLLCFGR_REN;
    *RCC_CR |= CR_PLLON;
    clock_need(register_wait(RCC_CR, CR_PLLRDY, CR_PLLRDY));
}

/* Section 5.1.8: range 1 in boost mode. Pins PG2 to PG15 have a supply of their own, which is
 * believed in only when told (section 5.4.2, IOSV): the UART may be on two of them. */
static void start_power(void) {
    register_enable(PWR_ENABLE);
    register_set(PWR_CR1, PWR_CR1_VOS, PWR_CR1_RANGE_1);
    clock_need(register_wait(PWR_SR2, PWR_SR2_VOSF, 0));
    *PWR_CR5 &= ~PWR_CR5_R1MODE;
    *PWR_CR2 |= PWR_CR2_IOSV;
}

/* Section 6.2.9: above 80 MHz by way of half the speed, for at least 1 us. */
static void switch_over(void) {
    register_set(RCC_CFGR, CFGR_HPRE, CFGR_HPRE_2);
    register_set(RCC_CFGR, CFGR_SW, CFGR_SW_PLL);
    clock_need(register_wait(RCC_CFGR, CFGR_SWS, CFGR_SWS_PLL));
    for (uint32_t turn = 0; turn < BOARD_CLOCK_HZ / 1000000u; turn++) {
        (void)*RCC_CFGR;
    }
    register_set(RCC_CFGR, CFGR_HPRE, 0);
}

void clock_start(void) {
    start_power();
    int is_external = oscillator_start();
    start_pll(is_external);
    *FLASH_ACR = FLASH_WAIT_STATES | FLASH_ACCELERATE;
    clock_need(register_wait(FLASH_ACR, 0xfu, FLASH_WAIT_STATES));
    switch_over();
}
