#include "pin.h"
#include "family.h"

enum { MODER = 0x00, OSPEEDR = 0x08, PUPDR = 0x0c, BSRR = 0x18, AFRL = 0x20 };
enum { MODE_OUTPUT = 1, MODE_ALTERNATE = 2, SPEED_HIGH = 2, PULL_UP = 1 };

static volatile uint32_t *place(uint32_t port, uint32_t offset) {
    return register_at(GPIO_BASE + 0x400u * port + offset);
}

/* Set the two bits that a pin has in a register. */
static void set_pair(uint32_t port, uint32_t offset, uint32_t number, uint32_t value) {
    register_set(place(port, offset), 3u << 2u * number, value << 2u * number);
}

void pin_connect(uint32_t port, uint32_t number, uint32_t function) {
    uint32_t shift = 4u * (number & 7u);
    register_enable(GPIO_ENABLE(port));
    register_set(place(port, AFRL + 4u * (number >> 3)), 0xfu << shift, function << shift);
    set_pair(port, OSPEEDR, number, SPEED_HIGH);
    set_pair(port, PUPDR, number, PULL_UP);
    set_pair(port, MODER, number, MODE_ALTERNATE);
}

void pin_output(uint32_t port, uint32_t number) {
    register_enable(GPIO_ENABLE(port));
    pin_set(port, number, 0);
    set_pair(port, MODER, number, MODE_OUTPUT);
}

void pin_set(uint32_t port, uint32_t number, int level) {
    *place(port, BSRR) = 1u << (level ? number : number + 16u);
}
