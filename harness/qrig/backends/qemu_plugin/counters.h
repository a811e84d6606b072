/* Counters that are incremented without a call. */
#ifndef QRIG_COUNTERS_H
#define QRIG_COUNTERS_H

#include <stdint.h>

enum { MAX_COUNTERS = 1 << 16 };

struct qemu_plugin_tb;

/* Let counter `number` grow by one whenever the block runs. */
void counter_add(struct qemu_plugin_tb *tb, uint32_t number);

/* All counters. */
uint64_t *counter_values(void);

#endif
