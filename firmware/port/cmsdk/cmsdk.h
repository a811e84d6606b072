/* Registers of Arm's Cortex-M System Design Kit peripherals (DDI 0479). */
#ifndef QRIG_CMSDK_H
#define QRIG_CMSDK_H

#include <stdint.h>

typedef struct {
    volatile uint32_t data;
    volatile uint32_t state;
    volatile uint32_t control;
    volatile uint32_t interrupt; /* status when read, clear when written */
    volatile uint32_t baud_divider;
} cmsdk_uart;

#define CMSDK_UART_TX_FULL (1u << 0)
#define CMSDK_UART_RX_FULL (1u << 1)
#define CMSDK_UART_TX_ENABLE (1u << 0)
#define CMSDK_UART_RX_ENABLE (1u << 1)
#define CMSDK_UART_RX_INTERRUPT_ENABLE (1u << 3)
#define CMSDK_UART_RX_INTERRUPT (1u << 1)

typedef struct {
    volatile uint32_t control;
    volatile uint32_t value;
    volatile uint32_t reload;
    volatile uint32_t interrupt; /* status when read, clear when written */
} cmsdk_timer;

#define CMSDK_TIMER_ENABLE (1u << 0)
#define CMSDK_TIMER_INTERRUPT_ENABLE (1u << 3)

#endif
