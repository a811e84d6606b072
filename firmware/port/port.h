/* What a port provides: the only file between the firmware and its hardware. */
#ifndef QRIG_PORT_H
#define QRIG_PORT_H

#include <stddef.h>
#include <stdint.h>

/* Set up clock, UART and counter. Called once, first. */
void port_init(void);

/* Wait for at least one byte from the host, return how many were stored (1..capacity). */
size_t port_read(uint8_t *data, size_t capacity);

/* Send all bytes. */
void port_write(const uint8_t *data, size_t length);

/* Start the counter from zero, and return what it has counted since, UINT64_MAX if unknown. */
void port_counter_start(void);
uint64_t port_counter_stop(void);

/* Start the board over. */
_Noreturn void port_reset(void);

#endif
