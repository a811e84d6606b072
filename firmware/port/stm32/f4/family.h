/* STM32F405/407 and F42x/43x: addresses and bits of ST RM0090. */
#ifndef QRIG_FAMILY_H
#define QRIG_FAMILY_H

#include "board.h"
#include "rcc_f4.h"

#define GPIO_BASE 0x40020000u
#define USART2_BASE 0x40004400u
#define USART3_BASE 0x40004800u
#define USART2_ENABLE RCC_APB1ENR, 1u << 17
#define USART3_ENABLE RCC_APB1ENR, 1u << 18
#define USART2_IS_LOW_POWER 0
#define USART3_IS_LOW_POWER 0
#define DMA_BASE 0x40026000u /* of the first controller */

/* Section 3.5.1: 5 wait states above 150 MHz; section 3.9.1, FLASH_ACR: prefetch, caches. */
#define FLASH_WAIT_STATES 5u
#define FLASH_ACCELERATE (1u << 8 | 1u << 9 | 1u << 10)

/* Section 5.1.4: above 168 MHz the regulator is over-driven. VOS has one bit in PWR_CR of F405/407
 * and two in that of F42x/43x (section 5.4.1 and 5.5.1). */
#define POWER_OVERDRIVE (BOARD_CLOCK_HZ > 168000000u)
#define POWER_SCALE_1 (POWER_OVERDRIVE ? 3u << 14 : 1u << 14)

#endif
