/* STM32L4R5 and its like (L4+): addresses and bits of ST RM0432. */
#ifndef QRIG_FAMILY_H
#define QRIG_FAMILY_H

#include "board.h"
#include "registers.h"

#define RCC_CR register_at(0x40021000u)
#define RCC_CFGR register_at(0x40021008u)
#define RCC_PLLCFGR register_at(0x4002100cu)
#define RCC_AHB1ENR register_at(0x40021048u)
#define RCC_AHB2ENR register_at(0x4002104cu)
#define RCC_APB1ENR1 register_at(0x40021058u)
#define RCC_APB1ENR2 register_at(0x4002105cu)
#define RCC_CSR register_at(0x40021094u)
#define PWR_CR1 register_at(0x40007000u)
#define PWR_CR2 register_at(0x40007004u)
#define PWR_SR2 register_at(0x40007014u)
#define PWR_CR5 register_at(0x40007080u)
#define FLASH_ACR register_at(0x40022000u)
#define DBGMCU_CR register_at(0xe0042004u)

#define GPIO_BASE 0x48000000u
#define GPIO_ENABLE(port) RCC_AHB2ENR, 1u << (port)
#define USART2_BASE 0x40004400u
#define USART3_BASE 0x40004800u
#define LPUART1_BASE 0x40008000u
#define USART2_ENABLE RCC_APB1ENR1, 1u << 17
#define USART3_ENABLE RCC_APB1ENR1, 1u << 18
#define LPUART1_ENABLE RCC_APB1ENR2, 1u << 0
#define USART2_IS_LOW_POWER 0
#define USART3_IS_LOW_POWER 0
#define LPUART1_IS_LOW_POWER 1
#define DMA_BASE 0x40020000u /* of the first controller */
#define DMA_MUX_BASE 0x40020800u
#define DMA_ENABLE RCC_AHB1ENR, 1u << 2 | 1u << (BOARD_DMA_CONTROLLER - 1u) /* and DMAMUX1 */
#define TIM2_ENABLE RCC_APB1ENR1, 1u << 0
#define PWR_ENABLE RCC_APB1ENR1, 1u << 28

/* APB1 runs at the core's clock. */
#define UART_CLOCK_HZ BOARD_CLOCK_HZ
#define TIM2_CLOCK_HZ BOARD_CLOCK_HZ

/* Section 6.4.29, RCC_CSR. A power-on and a brown-out set the same flag. */
#define RESET_REGISTER RCC_CSR
#define RESET_FORGET (1u << 23)
#define RESET_POWER (1u << 27)
#define RESET_BROWN_OUT 0u
#define RESET_LOW_POWER (1u << 31)
#define RESET_WATCHDOG (3u << 29)
#define RESET_SOFTWARE (1u << 28)
#define RESET_PIN (1u << 26)

#endif
