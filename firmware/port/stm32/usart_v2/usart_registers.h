/* The newer USART and LPUART, of F7, L4 and H7: ST RM0385 section 31.8, RM0432 section 50.7. */
#ifndef QRIG_USART_REGISTERS_H
#define QRIG_USART_REGISTERS_H

#include "family.h"

#define USART(offset) register_at(BOARD_UART(BASE) + (offset))
#define USART_CR1 USART(0x00)
#define USART_CR3 USART(0x08)
#define USART_BRR USART(0x0c)
#define USART_STATUS USART(0x1c)
#define USART_ICR USART(0x20)
#define USART_RECEIVED USART(0x24)
#define USART_SEND USART(0x28)
#define USART_CR1_UE (1u << 0)
#define USART_CR3_ALWAYS (1u << 12) /* OVRDIS: a byte too many overwrites the last one */

static inline void usart_forget_idle(void) {
    *USART_ICR = 1u << 4;
}

#endif
