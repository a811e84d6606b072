/* Where a kernel finds a tensor: in the arena itself, or in memory of its own that is exactly as
 * large, so that a sanitizer sees every access beside it. */
#ifndef QRIG_BLOCK_H
#define QRIG_BLOCK_H

#include <stdint.h>

/* The place of the tensor that the arena holds; NULL if there is no memory for it. */
uint8_t *block_open(uint8_t *stored, uint32_t bytes);

/* Give the place back, and what the kernel made of the tensor to the arena. */
void block_close(uint8_t *place, uint8_t *stored, uint32_t bytes);

#endif
