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

/* Change the line's speed with the next port_read, when all bytes written before have left. Zero if
 * the line cannot have that speed. Unless port_confirm is called within about a second, the line
 * goes back to its first speed. */
int port_set_baud(uint32_t baud);

/* Say that a whole frame arrived at this speed: it stays. */
void port_confirm(void);

/* The most port_describe writes. */
#define PORT_DESCRIPTION_BYTES 192u

/* What the hardware says of itself, lines "key=value\n" for the banner; returns their length,
 * without a zero behind them. Keys: unique_id, reset, debugger, clock, counter, baud. */
size_t port_describe(char *text, size_t capacity);

/* Whether a debugger is attached now. */
int port_debugger(void);

/* The firmware as it lies in flash, *bytes long; 0 bytes if it does not. */
const uint8_t *port_image(uint32_t *bytes);

/* Start the counter from zero, and return what it has counted since, UINT64_MAX if unknown. */
void port_counter_start(void);
uint64_t port_counter_stop(void);

/* Set the marker, a pin that a power meter may watch: 1 while a network runs. */
void port_marker(int level);

/* Start the board over. */
_Noreturn void port_reset(void);

#endif
