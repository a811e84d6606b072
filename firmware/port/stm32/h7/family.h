/* STM32H742/743/750/753: addresses and bits of ST RM0433. */
#ifndef QRIG_FAMILY_H
#define QRIG_FAMILY_H

#include "board.h"
#include "registers.h"

#define RCC_CR register_at(0x58024400u)
#define RCC_CFGR register_at(0x58024410u)
#define RCC_D1CFGR register_at(0x58024418u)
#define RCC_D2CFGR register_at(0x5802441cu)
#define RCC_D3CFGR register_at(0x58024420u)
#define RCC_PLLCKSELR register_at(0x58024428u)
#define RCC_PLLCFGR register_at(0x5802442cu)
#define RCC_PLL1DIVR register_at(0x58024430u)
#define RCC_RSR register_at(0x580244d0u)
#define RCC_AHB1ENR register_at(0x580244d8u)
#define RCC_AHB2ENR register_at(0x580244dcu)
#define RCC_AHB4ENR register_at(0x580244e0u)
#define RCC_APB1LENR register_at(0x580244e8u)
#define PWR_CSR1 register_at(0x58024804u)
#define PWR_CR3 register_at(0x5802480cu)
#define PWR_D3CR register_at(0x58024818u)
#define FLASH_ACR register_at(0x52002000u)
#define DBGMCU_CR register_at(0x5c001004u)

#define GPIO_BASE 0x58020000u
#define GPIO_ENABLE(port) RCC_AHB4ENR, 1u << (port)
#define USART2_BASE 0x40004400u
#define USART3_BASE 0x40004800u
#define USART2_ENABLE RCC_APB1LENR, 1u << 17
#define USART3_ENABLE RCC_APB1LENR, 1u << 18
#define USART2_IS_LOW_POWER 0
#define USART3_IS_LOW_POWER 0
#define DMA_BASE 0x40020000u /* of the first controller */
#define DMA_MUX_BASE 0x40020800u
#define DMA_ENABLE RCC_AHB1ENR, 1u << (BOARD_DMA_CONTROLLER - 1u)
#define DMA_MEMORY_ENABLE RCC_AHB2ENR, 1u << 29 /* SRAM1 of domain D2 */
#define TIM2_ENABLE RCC_APB1LENR, 1u << 0

/* APB1 runs at a quarter of the core's clock, its timers at twice that. */
#define UART_CLOCK_HZ (BOARD_CLOCK_HZ / 4u)
#define TIM2_CLOCK_HZ (BOARD_CLOCK_HZ / 2u)

/* Section 8.7.34, RCC_RSR. */
#define RESET_REGISTER RCC_RSR
#define RESET_FORGET (1u << 16)
#define RESET_POWER (1u << 23)
#define RESET_BROWN_OUT (1u << 21)
#define RESET_LOW_POWER (1u << 30)
#define RESET_WATCHDOG (1u << 28 | 1u << 26)
#define RESET_SOFTWARE (1u << 24)
#define RESET_PIN (1u << 22)

#endif
