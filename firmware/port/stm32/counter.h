/* Time in core cycles, and coarse time that runs on without interrupts. */
#ifndef QRIG_COUNTER_H
#define QRIG_COUNTER_H

#include <stdint.h>

/* The unit of coarse time. */
#define COUNTER_COARSE_HZ 10000u

/* Start both; the core must have its final speed. */
void counter_start(void);

/* Whether the core's counter counts. */
int counter_counts(void);

/* Coarse time, modulo 2^32: over four days. */
uint32_t counter_coarse(void);

#endif
