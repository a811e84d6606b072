/* The port to MPS2 boards: CMSDK UART and timer. */
#include "port.h"
#include "board.h"
#include "cmsdk.h"
#include "cortex_m.h"

#define UART ((cmsdk_uart *)BOARD_UART_BASE)
#define TIMER ((cmsdk_timer *)BOARD_COUNTER_BASE)

void port_init(void) {
    UART->baud_divider = BOARD_CLOCK_HZ / BOARD_UART_BAUD;
    UART->control = CMSDK_UART_TX_ENABLE | CMSDK_UART_RX_ENABLE | CMSDK_UART_RX_INTERRUPT_ENABLE;
    /* QEMU asks whether there is room only after a read: without one, what arrived before the UART
     * was enabled would wait for ever. */
    if (!(UART->state & CMSDK_UART_RX_FULL)) {
        (void)UART->data;
    }
    /* Interrupts stay masked: a pending one only ends the wait below. */
    cortex_m_mask_interrupts();
    cortex_m_enable_interrupt(BOARD_UART_RX_INTERRUPT);
}

size_t port_read(uint8_t *data, size_t capacity) {
    (void)capacity;
    while (!(UART->state & CMSDK_UART_RX_FULL)) {
        UART->interrupt = CMSDK_UART_RX_INTERRUPT;
        cortex_m_clear_pending(BOARD_UART_RX_INTERRUPT);
        if (!(UART->state & CMSDK_UART_RX_FULL)) {
            cortex_m_wait();
        }
    }
    *data = (uint8_t)UART->data;
    return 1;
}

void port_write(const uint8_t *data, size_t length) {
    while (length--) {
        while (UART->state & CMSDK_UART_TX_FULL) {
        }
        UART->data = *data++;
    }
}

int port_set_baud(uint32_t baud) {
    (void)baud;
    return 0;
}

void port_confirm(void) {}

size_t port_describe(char *text, size_t capacity) {
    (void)text;
    (void)capacity;
    return 0;
}

void port_marker(int level) {
    (void)level;
}

/* The timer counts down and sets its interrupt flag when it wraps. */
void port_counter_start(void) {
    TIMER->control = 0;
    TIMER->interrupt = 1;
    TIMER->reload = UINT32_MAX;
    TIMER->value = UINT32_MAX;
    TIMER->control = CMSDK_TIMER_ENABLE | CMSDK_TIMER_INTERRUPT_ENABLE;
}

uint64_t port_counter_stop(void) {
    uint32_t value = TIMER->value;
    TIMER->control = 0;
    return TIMER->interrupt ? UINT64_MAX : UINT32_MAX - value;
}

void port_reset(void) {
    cortex_m_reset();
}
