/* Single edges, counted exactly while blocks are only counted. */
#ifndef QRIG_WATCH_H
#define QRIG_WATCH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct qemu_plugin_tb;

/* Read an edge: "last:target:other+other...", the address of the branch it leaves by, the address
 * it goes to, and the last addresses of all other blocks that may go there. Zero if it is none. */
int watch_parse(const char *text);

/* Look at a block that was translated: it starts at `start`, its last instruction is at `last`, and
 * counter `number` counts it. */
void watch_block(struct qemu_plugin_tb *tb, uint32_t start, uint32_t last, uint32_t number);

/* Add what was counted to the phase that ends; before the counters return to 0. */
void watch_end_phase(void);

/* Write the counts of a phase, separated by commas, in the order the edges were given. */
void watch_write(FILE *out, size_t phase);

#endif
