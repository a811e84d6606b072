/* The USART of the link. It receives by DMA (dma.h). */
#ifndef QRIG_USART_H
#define QRIG_USART_H

#include <stddef.h>
#include <stdint.h>

/* Whether it can have a speed, to 2 %. */
int usart_can(uint32_t baud);

/* Switch it on with its pins, or off and on again, at a speed it can have. */
void usart_start(uint32_t baud);

/* Wait until all that was written has left. */
void usart_drain(void);

/* Send bytes; gives up when one does not leave. */
void usart_write(const uint8_t *data, size_t length);

/* Have the interrupt pending from the next time on that the line falls idle, until unwatched. */
void usart_watch(void);
void usart_unwatch(void);

/* Where received bytes are, for DMA. */
uint32_t usart_received_address(void);

#endif
