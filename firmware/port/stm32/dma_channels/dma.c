/* Channels behind a request multiplexer, of L4+: ST RM0432 sections 11.6 and 12.6. */
#include "dma.h"
#include "cortex_m.h"
#include "family.h"

#define CONTROLLER (DMA_BASE + 0x400u * (BOARD_DMA_CONTROLLER - 1u))
#define INDEX (BOARD_DMA_STREAM - 1u)
#define CHANNEL(offset) register_at(CONTROLLER + 0x08u + 0x14u * INDEX + (offset))
#define CCR CHANNEL(0x00)
#define CNDTR CHANNEL(0x04)
#define CPAR CHANNEL(0x08)
#define CMAR CHANNEL(0x0c)
#define CCR_EN (1u << 0)
#define CCR_TCIE (1u << 1)
#define CCR_HTIE (1u << 2)
#define CCR_CIRC (1u << 5)
#define CCR_MINC (1u << 7)
#define IFCR register_at(CONTROLLER + 0x04u)
#define FLAGS (0xfu << 4u * INDEX)

void dma_stop(void) {
    register_enable(DMA_ENABLE);
    *CCR = 0;
}

void dma_start(uint32_t from, uint8_t *ring) {
    *IFCR = FLAGS;
    *register_at(DMA_MUX_BASE + 4u * BOARD_DMA_MUX_CHANNEL) = BOARD_DMA_REQUEST;
    *CPAR = from;
    *CMAR = (uint32_t)(uintptr_t)ring;
    *CNDTR = BOARD_DMA_BYTES;
    *CCR = CCR_MINC | CCR_CIRC | CCR_TCIE | CCR_HTIE;
    *CCR |= CCR_EN;
}

uint32_t dma_left(void) {
    return *CNDTR;
}

void dma_watch(void) {
    *IFCR = FLAGS;
    cortex_m_clear_pending(BOARD_DMA_INTERRUPT);
    cortex_m_enable_interrupt(BOARD_DMA_INTERRUPT);
}

void dma_unwatch(void) {
    cortex_m_disable_interrupt(BOARD_DMA_INTERRUPT);
}
