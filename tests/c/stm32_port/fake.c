/* The cells, what the port expects around it, and a way to its ring. */
#include "cortex_m.h"
#include "line.c"

enum { CELLS = 256, WRITES = 256 };

static void wait_for_nothing(void) {}

void (*fake_wait)(void) = wait_for_nothing;

/* How much CYCCNT moves with every look at it. */
uint32_t fake_step;

/* What arrives at the third look at the register that counts what is left of the ring. */
uint32_t fake_left_address;
const uint8_t *fake_late;
uint32_t fake_late_bytes;
static uint32_t looks;

static struct {
    uint32_t address;
    volatile uint32_t value;
    uint32_t seen;
} cells[CELLS];
static uint32_t used;

/* Whether the hardware does what is waited for, but for a bit of a register that stays as it is. */
uint32_t fake_obeys;
uint32_t fake_silent_address;
uint32_t fake_silent_mask;

/* What the port has changed, in order: address and value. */
uint32_t fake_written[WRITES][2];
uint32_t fake_writes;

void fake_note(void) {
    for (uint32_t index = 0; index < used; index++) {
        if (cells[index].value != cells[index].seen && fake_writes < WRITES) {
            fake_written[fake_writes][0] = cells[index].address;
            fake_written[fake_writes++][1] = cells[index].value;
        }
        cells[index].seen = cells[index].value;
    }
}

/* Take what is there as what the hardware has there. */
void fake_settle(void) {
    for (uint32_t index = 0; index < used; index++) {
        cells[index].seen = cells[index].value;
    }
}

static int is_silent(const volatile uint32_t *place, uint32_t mask) {
    return mask == fake_silent_mask && place == fake_register(fake_silent_address);
}

int register_wait(volatile uint32_t *place, uint32_t mask, uint32_t value) {
    if (fake_obeys && !is_silent(place, mask)) {
        fake_note();
        *place = (*place & ~mask) | value;
        fake_settle();
    }
    return (*place & mask) == value;
}

static void receive_late(volatile uint32_t *left) {
    for (; fake_late_bytes > 0; fake_late_bytes--) {
        ring[BOARD_DMA_BYTES - *left] = *fake_late++;
        *left = *left > 1 ? *left - 1 : BOARD_DMA_BYTES;
    }
}

volatile uint32_t *fake_register(uint32_t address) {
    uint32_t index = 0;
    fake_note();
    while (index < used && cells[index].address != address) {
        index++;
    }
    if (index == used && used < CELLS - 1) {
        cells[used++].address = address;
    }
    if (address == fake_left_address && fake_late_bytes > 0 && ++looks == 3) {
        looks = 0;
        receive_late(&cells[index].value);
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
