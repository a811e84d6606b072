/* STM32F74x/75x and F76x/77x: addresses and bits of ST RM0385 and RM0410, which agree. */
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

/* Section 3.3.2: 7 wait states above 210 MHz; section 3.7.1, FLASH_ACR: prefetch, ART accelerator.
 * Both work on the bus of the tightly coupled memories; code runs from the AXI bus and its cache.
 */
#define FLASH_WAIT_STATES 7u
#define FLASH_ACCELERATE (1u << 8 | 1u << 9)

/* Section 4.1.4: above 180 MHz the regulator is over-driven. */
#define POWER_OVERDRIVE (BOARD_CLOCK_HZ > 180000000u)
#define POWER_SCALE_1 (3u << 14)

#endif
