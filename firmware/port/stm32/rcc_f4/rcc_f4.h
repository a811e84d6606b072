/* Clock and power control of F4 and F7, which are alike: ST RM0090 sections 5 to 7 and 38.16,
 * RM0385 sections 4, 5 and 40.16. */
#ifndef QRIG_RCC_F4_H
#define QRIG_RCC_F4_H

#include "registers.h"

#define RCC_CR register_at(0x40023800u)
#define RCC_PLLCFGR register_at(0x40023804u)
#define RCC_CFGR register_at(0x40023808u)
#define RCC_AHB1ENR register_at(0x40023830u)
#define RCC_APB1ENR register_at(0x40023840u)
#define RCC_CSR register_at(0x40023874u)
#define PWR_CR register_at(0x40007000u)
#define PWR_CSR register_at(0x40007004u)
#define FLASH_ACR register_at(0x40023c00u)
#define DBGMCU_CR register_at(0xe0042004u)

#define GPIO_ENABLE(port) RCC_AHB1ENR, 1u << (port)
#define DMA_ENABLE RCC_AHB1ENR, 1u << (20 + BOARD_DMA_CONTROLLER)
#define TIM2_ENABLE RCC_APB1ENR, 1u << 0
#define PWR_ENABLE RCC_APB1ENR, 1u << 28

/* APB1 runs at a quarter of the core's clock, its timers at twice that. */
#define UART_CLOCK_HZ (BOARD_CLOCK_HZ / 4u)
#define TIM2_CLOCK_HZ (BOARD_CLOCK_HZ / 2u)

/* The first that is set is told; a power-on sets those of brown-out and pin as well. */
#define RESET_REGISTER RCC_CSR
#define RESET_FORGET (1u << 24)
#define RESET_POWER (1u << 27)
#define RESET_BROWN_OUT (1u << 25)
#define RESET_LOW_POWER (1u << 31)
#define RESET_WATCHDOG (3u << 29)
#define RESET_SOFTWARE (1u << 28)
#define RESET_PIN (1u << 26)

#endif
