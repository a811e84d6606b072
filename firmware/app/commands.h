/* What the network's app does beyond the server: inferences, and pauses between their stages. */
#ifndef QRIG_COMMANDS_H
#define QRIG_COMMANDS_H

#include <stdint.h>

enum {
    INFER_PAUSE = 1 << 0, /* stop after every stage so that its tensor can be read */
    INFER_CRC = 1 << 1,   /* note the CRC-32 of every stage's tensor */
};

enum {
    REGION_TENSOR = 0,  /* of the stage the network is paused behind */
    REGION_OUTPUT = 1,  /* of the last inference */
    REGION_RECORDS = 2, /* one record a stage: ticks u64, crc32 u32, bytes u32 */
};

/* Why the network waits; part of the answer to INFER and CONTINUE. */
enum {
    PAUSED_NOT = 0,
    PAUSED_TENSOR = 1, /* the region holds the stage's tensor */
    PAUSED_PLANES = 2, /* the region holds a batch of planes (trace.h) */
};

/* Serve the host until it says to go on (or opens another session). */
void commands_pause(uint8_t kind, uint16_t stage);

#endif
