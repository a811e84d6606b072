/* The line to the host: bytes that DMA received, and the speed. */
#include "line.h"
#include "cache.h"
#include "cortex_m.h"
#include "counter.h"
#include "dma.h"
#include "family.h"
#include "port.h"
#include "usart.h"
#include <string.h>

_Static_assert((BOARD_DMA_BYTES & (BOARD_DMA_BYTES - 1u)) == 0, "positions wrap by a mask");
_Static_assert(BOARD_DMA_BYTES % CACHE_LINE_BYTES == 0, "the ring has its cache lines alone");

/* DMA alone writes here. It lies in memory that DMA reaches while the core sleeps (memory.ld). */
__attribute__((section(".dma_buffer"),
               aligned(CACHE_LINE_BYTES))) static uint8_t ring[BOARD_DMA_BYTES];
static uint32_t taken; /* how far the ring was read */

static uint32_t wanted_baud; /* 0: stay */
static uint8_t is_on_trial;
static uint32_t trial_began;

/* DMA stops before the USART does: RM0385 section 31.8.1, UE. */
static void open_line(uint32_t baud) {
    dma_stop();
    usart_start(baud);
    taken = 0;
    dma_start(usart_received_address(), ring);
}

void line_start(void) {
    open_line(BOARD_UART_BAUD);
}

/* How far DMA has filled the ring. */
static uint32_t filled(void) {
    return (BOARD_DMA_BYTES - dma_left()) & (BOARD_DMA_BYTES - 1u);
}

/* What has arrived and is not taken yet, up to the ring's end. */
static size_t take(uint8_t *data, size_t capacity) {
    uint32_t end = filled();
    size_t length = (end < taken ? BOARD_DMA_BYTES : end) - taken;
    if (length > capacity) {
        length = capacity;
    }
    if (length > 0) {
        cache_forget(ring + taken, length);
        memcpy(data, ring + taken, length);
        taken = (taken + (uint32_t)length) & (BOARD_DMA_BYTES - 1u);
    }
    return length;
}

/* Wait for an interrupt to become pending, masked: none is ever taken, and none is enabled outside
 * of this. What arrives behind the last look makes the line idle once more. */
static void wait_for_host(void) {
    cortex_m_mask_interrupts();
    usart_watch();
    dma_watch();
    if (filled() == taken) {
        cortex_m_wait();
    }
    usart_unwatch();
    dma_unwatch();
    cortex_m_unmask_interrupts();
}

/* What was not taken yet is lost; a host waits for the answer before it sends again. */
static void change_speed(void) {
    if (wanted_baud != 0) {
        usart_drain();
        open_line(wanted_baud);
        wanted_baud = 0;
        is_on_trial = 1;
        trial_began = counter_coarse();
    } else if (is_on_trial && counter_coarse() - trial_began > COUNTER_COARSE_HZ) {
        open_line(BOARD_UART_BAUD);
        is_on_trial = 0;
    }
}

size_t port_read(uint8_t *data, size_t capacity) {
    for (;;) {
        change_speed();
        size_t length = take(data, capacity);
        if (length > 0) {
            return length;
        }
        if (!is_on_trial) {
            wait_for_host();
        }
    }
}

void port_write(const uint8_t *data, size_t length) {
    usart_write(data, length);
}

int port_set_baud(uint32_t baud) {
    int is_possible = usart_can(baud);
    wanted_baud = is_possible ? baud : 0;
    return is_possible;
}

void port_confirm(void) {
    is_on_trial = 0;
}
