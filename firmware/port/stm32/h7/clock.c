/* The clock tree of H743: oscillator, 8 MHz, PLL1, core; AXI and AHB half, APB a quarter of it. */
#include "clock.h"
#include "family.h"
#include "oscillator.h"

#define CR_PLL1ON (1u << 24)
#define CR_PLL1RDY (1u << 25)
#define CFGR_SW (7u << 0)
#define CFGR_SW_PLL1 (3u << 0)
#define CFGR_SWS (7u << 3)
#define CFGR_SWS_PLL1 (3u << 3)
#define D1CFGR_HPRE_2 (8u << 0)
#define D1CFGR_D1PPRE_2 (4u << 4)
#define D2CFGR_D2PPRE1_2 (4u << 4)
#define D2CFGR_D2PPRE2_2 (4u << 8)
#define D3CFGR_D3PPRE_2 (4u << 4)
#define PLLCKSELR_HSI (0u << 0)
#define PLLCKSELR_HSE (2u << 0)
#define PLLCFGR_RGE_8_TO_16_MHZ (3u << 2) /* VCOSEL stays 0: 192 to 836 MHz */
#define PLLCFGR_DIVP1EN (1u << 16)
#define PWR_CSR1_ACTVOSRDY (1u << 13)
#define PWR_CR3_SUPPLY (7u << 0)
#define PWR_CR3_LDOEN (1u << 1)
#define PWR_D3CR_VOSRDY (1u << 13)
#define PWR_D3CR_VOS (3u << 14)
#define PWR_D3CR_SCALE_1 (3u << 14)

/* Section 4.3.8: AXI up to 210 MHz in scale 1 takes 2 wait states and WRHIGHFREQ 2. */
#define FLASH_TIMING (2u << 0 | 2u << 4)

#define HSI_HZ 64000000u
#define PLL_INPUT_HZ 8000000u
#define PLL_N (2u * BOARD_CLOCK_HZ / PLL_INPUT_HZ)
#define PLL_P 2u

_Static_assert(BOARD_HSE_HZ % PLL_INPUT_HZ == 0, "the PLL's input divider is a whole number");
_Static_assert(BOARD_CLOCK_HZ % (PLL_INPUT_HZ / 2u) == 0 && BOARD_CLOCK_HZ <= 400000000u,
               "what every revision can do in scale 1");

/* Section 6.4.1: the supply is said once, by a write that leaves out SCUEN; only then can the
 * voltage be raised. */
static void start_power(void) {
    register_set(PWR_CR3, PWR_CR3_SUPPLY, PWR_CR3_LDOEN);
    clock_need(register_wait(PWR_CSR1, PWR_CSR1_ACTVOSRDY, PWR_CSR1_ACTVOSRDY));
    register_set(PWR_D3CR, PWR_D3CR_VOS, PWR_D3CR_SCALE_1);
    clock_need(register_wait(PWR_D3CR, PWR_D3CR_VOSRDY, PWR_D3CR_VOSRDY));
}

static void start_pll(int is_external) {
    uint32_t divider = (is_external ? BOARD_HSE_HZ : HSI_HZ) / PLL_INPUT_HZ;
    *RCC_PLLCKSELR = (is_external ? PLLCKSELR_HSE : PLLCKSELR_HSI) | divider << 4;
    *RCC_PLLCFGR = PLLCFGR_RGE_8_TO_16_MHZ | PLLCFGR_DIVP1EN;
    *RCC_PLL1DIVR = (PLL_N - 1u) | (PLL_P - 1u) << 9;
    *RCC_CR |= CR_PLL1ON;
    clock_need(register_wait(RCC_CR, CR_PLL1RDY, CR_PLL1RDY));
}

void clock_start(void) {
    start_power();
    int is_external = oscillator_start();
    start_pll(is_external);
    *FLASH_ACR = FLASH_TIMING;
    clock_need(register_wait(FLASH_ACR, 0xfu, FLASH_TIMING & 0xfu));
    *RCC_D1CFGR = D1CFGR_HPRE_2 | D1CFGR_D1PPRE_2;
    *RCC_D2CFGR = D2CFGR_D2PPRE1_2 | D2CFGR_D2PPRE2_2;
    *RCC_D3CFGR = D3CFGR_D3PPRE_2;
    register_set(RCC_CFGR, CFGR_SW, CFGR_SW_PLL1);
    clock_need(register_wait(RCC_CFGR, CFGR_SWS, CFGR_SWS_PLL1));
}
