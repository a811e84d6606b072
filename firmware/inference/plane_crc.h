/* The CRC-32 of a tensor whose channels come one by one. */
#ifndef QRIG_PLANE_CRC_H
#define QRIG_PLANE_CRC_H

#include "network.h"

#if NETWORK_HAS_PLANES
/* The checksum of the HWC tensor, with this channel in it; 0 before the first channel. Channels
 * must come in order. */
uint32_t plane_crc_add(uint32_t crc, network_plane plane, const q7_t *data);
#endif

#endif
