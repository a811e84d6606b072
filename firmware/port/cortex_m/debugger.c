#include "cortex_m.h"
#include "port.h"

int port_debugger(void) {
    return (CORTEX_M_DHCSR & CORTEX_M_DHCSR_DEBUGEN) != 0;
}
