/* DMA from the USART into a ring of memory, for ever. */
#ifndef QRIG_DMA_H
#define QRIG_DMA_H

#include <stdint.h>

/* Stop, if it was started; whoever asks for DMA has to be quiet before it is switched off. */
void dma_stop(void);

/* Start to fill the ring, of BOARD_DMA_BYTES, from its beginning with what arrives at an address.
 */
void dma_start(uint32_t from, uint8_t *ring);

/* How many bytes of the ring are still to be filled before it begins anew. */
uint32_t dma_left(void);

/* Have the interrupt pending from the next time on that the ring's middle or end is passed, until
 * unwatched. */
void dma_watch(void);
void dma_unwatch(void);

#endif
