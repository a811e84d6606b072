/* The port to STM32 microcontrollers. What families have in common is here; what tells them apart
 * is in the folders that parts.cmake names. */
#include "port.h"
#include "cache.h"
#include "clock.h"
#include "cortex_m.h"
#include "counter.h"
#include "family.h"
#include "identity.h"
#include "line.h"
#include "pin.h"
#include "usart.h"

#define DBGMCU_CR_SLEEP (1u << 0)

void port_init(void) {
    identity_start();
    clock_start();
    cache_start();
    counter_start();
    *DBGMCU_CR |= DBGMCU_CR_SLEEP; /* a probe can reach the bus while the core sleeps */
    line_start();
#ifdef BOARD_MARKER_PORT
    pin_output(BOARD_MARKER_PORT, BOARD_MARKER_PIN);
#endif
}

void port_marker(int level) {
#ifdef BOARD_MARKER_PORT
    pin_set(BOARD_MARKER_PORT, BOARD_MARKER_PIN, level);
#else
    (void)level;
#endif
}

/* What was written has to leave first: a reset ends the USART in the middle of a byte. */
void port_reset(void) {
    usart_drain();
    cortex_m_reset();
}
