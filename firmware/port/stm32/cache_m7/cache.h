/* The caches of a Cortex-M7: Arm DDI 0403 (Armv7-M) section B2.2, DDI 0489 section 4. */
#ifndef QRIG_CACHE_H
#define QRIG_CACHE_H

#include <stddef.h>

/* What is forgotten lies alone in its lines. */
#define CACHE_LINE_BYTES 32u

/* Empty both caches and switch them on. */
void cache_start(void);

/* Forget what the data cache has of this memory, which nobody but DMA writes. */
void cache_forget(const void *data, size_t length);

#endif
