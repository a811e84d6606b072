/* The memory the host lays tensors out in. */
#ifndef QRIG_ARENA_H
#define QRIG_ARENA_H

#include <stdint.h>

/* The bytes from offset on, or NULL if they do not all lie in the arena. */
uint8_t *arena_at(uint32_t offset, uint32_t bytes);

/* The size of the arena. */
uint32_t arena_bytes(void);

#endif
