/* A core without caches. */
#ifndef QRIG_CACHE_H
#define QRIG_CACHE_H

#include <stddef.h>

#define CACHE_LINE_BYTES 4u

static inline void cache_start(void) {}

static inline void cache_forget(const void *data, size_t length) {
    (void)data;
    (void)length;
}

#endif
