/* CRC-32 of IEEE 802.3, as zlib computes it. */
#ifndef QRIG_CRC32_H
#define QRIG_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of previous data (0 at first) continued over length bytes. */
uint32_t crc32_update(uint32_t crc, const void *data, size_t length);

#endif
