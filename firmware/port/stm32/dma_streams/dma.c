/* Streams, of F4, F7 and H7: ST RM0090 section 10.5, RM0433 sections 15.5 and 17.6 (DMAMUX). */
#include "dma.h"
#include "cortex_m.h"
#include "family.h"

#define CONTROLLER (DMA_BASE + 0x400u * (BOARD_DMA_CONTROLLER - 1u))
#define STREAM(offset) register_at(CONTROLLER + 0x10u + 0x18u * BOARD_DMA_STREAM + (offset))
#define CR STREAM(0x00)
#define NDTR STREAM(0x04)
#define PAR STREAM(0x08)
#define M0AR STREAM(0x0c)
#define CR_EN (1u << 0)
#define CR_HTIE (1u << 3)
#define CR_TCIE (1u << 4)
#define CR_CIRC (1u << 8)
#define CR_MINC (1u << 10)

/* Flags of four streams a register, at bits 0, 6, 16 and 22. */
#define IFCR register_at(CONTROLLER + 0x08u + 4u * (BOARD_DMA_STREAM / 4u))
#define FLAGS (0x3du << (BOARD_DMA_STREAM % 2u * 6u + BOARD_DMA_STREAM / 2u % 2u * 16u))

#ifdef BOARD_DMA_MUX_CHANNEL
#define SELECTED (1u << 20) /* TRBUFF, which a UART needs (RM0433 section 15.5.5) */

static void select_request(void) {
    *register_at(DMA_MUX_BASE + 4u * BOARD_DMA_MUX_CHANNEL) = BOARD_DMA_REQUEST;
}
#else
#define SELECTED (BOARD_DMA_REQUEST << 25)

static void select_request(void) {}
#endif

void dma_stop(void) {
    register_enable(DMA_ENABLE);
    *CR = 0;
    (void)register_wait(CR, CR_EN, 0);
}

void dma_start(uint32_t from, uint8_t *ring) {
#ifdef DMA_MEMORY_ENABLE
    register_enable(DMA_MEMORY_ENABLE);
#endif
    *IFCR = FLAGS;
    select_request();
    *PAR = from;
    *M0AR = (uint32_t)(uintptr_t)ring;
    *NDTR = BOARD_DMA_BYTES;
    *CR = SELECTED | CR_MINC | CR_CIRC | CR_TCIE | CR_HTIE;
    *CR |= CR_EN;
}

uint32_t dma_left(void) {
    return *NDTR;
}

void dma_watch(void) {
    *IFCR = FLAGS;
    cortex_m_clear_pending(BOARD_DMA_INTERRUPT);
    cortex_m_enable_interrupt(BOARD_DMA_INTERRUPT);
}

void dma_unwatch(void) {
    cortex_m_disable_interrupt(BOARD_DMA_INTERRUPT);
}
