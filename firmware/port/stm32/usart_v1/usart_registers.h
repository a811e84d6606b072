/* The older USART, of F4: ST RM0090 section 30.6. */
#ifndef QRIG_USART_REGISTERS_H
#define QRIG_USART_REGISTERS_H

#include "family.h"

#define USART(offset) register_at(BOARD_UART(BASE) + (offset))
#define USART_STATUS USART(0x00)
#define USART_SEND USART(0x04)
#define USART_RECEIVED USART(0x04)
#define USART_BRR USART(0x08)
#define USART_CR1 USART(0x0c)
#define USART_CR3 USART(0x14)
#define USART_CR1_UE (1u << 13)
#define USART_CR3_ALWAYS 0u

/* Reading the status and then the data forgets idle line and errors. Is a byte there it is left to
 * DMA, whose reading forgets them as well. */
static inline void usart_forget_idle(void) {
    if (!(*USART_STATUS & 1u << 5)) {
        (void)*USART_RECEIVED;
    }
}

#endif
