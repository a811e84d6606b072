/* The cells, what the port expects around it, and a way to its ring. */
#include "cortex_m.h"
#include "line.c"

enum { CELLS = 256 };

void (*fake_wait)(void);

/* How much CYCCNT moves with every look at it. */
uint32_t fake_step;

static struct {
    uint32_t address;
    volatile uint32_t value;
} cells[CELLS];
static uint32_t used;

volatile uint32_t *fake_register(uint32_t address) {
    uint32_t index = 0;
    while (index < used && cells[index].address != address) {
        index++;
    }
    if (index == used && used < CELLS - 1) {
        cells[used++].address = address;
    }
    if (address == 0xe0001004u) {
        cells[index].value += fake_step;
    }
    return &cells[index].value;
}

uint8_t *fake_ring(void) {
    return ring;
}

int port_debugger(void) {
    return 0;
}
