/* The requests that every app with a network answers alike: inferences, pauses between their
 * stages, windows for a power meter. An app answers the server (server.h) with these; app_count,
 * app_stage and app_session are here already. */
#ifndef QRIG_COMMANDS_H
#define QRIG_COMMANDS_H

#include "server.h"
#include <stdint.h>

enum {
    INFER_PAUSE = 1 << 0,   /* stop after every stage so that its tensor can be read */
    INFER_CRC = 1 << 1,     /* note the CRC-32 of every stage's tensor */
    INFER_SOFTMAX = 1 << 4, /* a softmax behind the last layer, where the app can do it */
};

enum {
    REGION_TENSOR = 0,  /* of the stage the network is paused behind */
    REGION_OUTPUT = 1,  /* of the last inference */
    REGION_RECORDS = 2, /* one record a stage: ticks u64, crc32 u32, bytes u32 */
    REGION_TEXT = 3,    /* what runtime_app said of the last file, 96 bytes, zeros behind it */
};

/* Why the network waits; part of the answer to INFER and CONTINUE. */
enum {
    PAUSED_NOT = 0,
    PAUSED_TENSOR = 1, /* the region holds the stage's tensor */
    PAUSED_PLANES = 2, /* the region holds a batch of planes (trace.h) */
};

/* Answer INFER, CONTINUE or MEASURE; zero for any other request. */
int commands_request(const frame *request);

/* Whether an inference waits between two stages: the network's memory must stay as it is. */
int commands_are_paused(void);

/* Accept the current request, run the network, and answer with its progress. */
void commands_run(uint8_t flags);

/* Serve the host until it says to go on (or opens another session). */
void commands_pause(uint8_t kind, uint16_t stage);

#endif
