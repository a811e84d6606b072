#include "usart.h"
#include "cortex_m.h"
#include "pin.h"
#include "usart_registers.h"

#define CR1_RE (1u << 2)
#define CR1_TE (1u << 3)
#define CR1_IDLEIE (1u << 4)
#define CR3_DMAR (1u << 6)
#define STATUS_TC (1u << 6)
#define STATUS_TXE (1u << 7)

/* A bit's length: in clocks, or in 256ths of one for an LPUART (RM0432 section 51.4.4). */
#define CLOCK_PARTS (BOARD_UART(IS_LOW_POWER) ? 256u : 1u)
#define MIN_DIVIDER (BOARD_UART(IS_LOW_POWER) ? 0x300u : 16u)
#define MAX_DIVIDER (BOARD_UART(IS_LOW_POWER) ? 0xfffffu : 0xffffu)
#define MIN_BAUD 9600u /* at less a byte takes longer than register_wait waits */
#define MAX_BAUD (UINT32_MAX / 512u)

/* The nearest there is. */
static uint32_t divider_for(uint32_t baud) {
    uint32_t whole = UART_CLOCK_HZ / baud;
    uint32_t rest = UART_CLOCK_HZ % baud;
    return whole * CLOCK_PARTS + (rest * CLOCK_PARTS + baud / 2u) / baud;
}

int usart_can(uint32_t baud) {
    if (baud < MIN_BAUD || baud > MAX_BAUD) {
        return 0;
    }
    uint32_t divider = divider_for(baud);
    int64_t parts = (int64_t)UART_CLOCK_HZ * CLOCK_PARTS;
    int64_t error = parts - (int64_t)divider * baud;
    return divider >= MIN_DIVIDER && divider <= MAX_DIVIDER &&
           50 * (error < 0 ? -error : error) <= parts;
}

void usart_start(uint32_t baud) {
    register_enable(BOARD_UART(ENABLE));
    pin_connect(BOARD_UART_TX_PORT, BOARD_UART_TX_PIN, BOARD_UART_TX_FUNCTION);
    pin_connect(BOARD_UART_RX_PORT, BOARD_UART_RX_PIN, BOARD_UART_RX_FUNCTION);
    *USART_CR1 = 0;
    *USART_BRR = divider_for(baud);
    *USART_CR3 = USART_CR3_ALWAYS | CR3_DMAR;
    *USART_CR1 = USART_CR1_UE | CR1_TE | CR1_RE | CR1_IDLEIE;
}

void usart_drain(void) {
    (void)register_wait(USART_STATUS, STATUS_TC, STATUS_TC);
}

void usart_write(const uint8_t *data, size_t length) {
    while (length--) {
        if (!register_wait(USART_STATUS, STATUS_TXE, STATUS_TXE)) {
            return;
        }
        *USART_SEND = *data++;
    }
}

void usart_watch(void) {
    usart_forget_idle();
    cortex_m_clear_pending(BOARD_UART_INTERRUPT);
    cortex_m_enable_interrupt(BOARD_UART_INTERRUPT);
}

void usart_unwatch(void) {
    cortex_m_disable_interrupt(BOARD_UART_INTERRUPT);
}

uint32_t usart_received_address(void) {
    return (uint32_t)(uintptr_t)USART_RECEIVED;
}
