/* Running one network: its input and output, and what is noted of each stage. */
#ifndef QRIG_INFERENCE_H
#define QRIG_INFERENCE_H

#include "arm_nnfunctions.h"
#include "server.h"
#include <stdint.h>

/* What is known of a stage after an inference. */
typedef struct {
    uint64_t ticks;
    uint32_t crc32;
    uint32_t bytes;
} stage_record;

/* The memory a network works with, beside its own. */
typedef struct {
    uint8_t *input;
    uint32_t input_bytes;
    q7_t *output;
    uint32_t output_bytes;
    stage_record *records; /* one a stage */
    uint32_t stages;       /* at most NETWORK_STAGES of network.h; 0: there is no network */
} network_memory;

/* The network's status where two runs of one input gave different outputs. */
#define INFERENCE_UNSTABLE (-100)

/* Not a stage. */
#define INFERENCE_NONE UINT16_MAX

/* --- What the app provides, beside network.h and its network_run ------------------------------ */

/* The memory of its network. It stays the same from the begin of a run to the end. */
network_memory inference_memory(void);

/* --- What it gets ----------------------------------------------------------------------------- */

/* Store bytes of the input; zero if they lie outside it. */
int inference_write(uint32_t offset, const uint8_t *data, uint32_t length);

/* Run the network there is; returns its status. If layers are computed together and tensors or
 * checksums are asked for, it runs twice: what is counted is the first run, without any trace. */
int32_t inference_run(uint8_t flags);

/* The flags of the current run. */
uint8_t inference_flags(void);

/* Whether the CRC-32 of the stored input is the one given. */
int inference_input_is(uint32_t crc32);

/* How often a network ran since the board started. */
uint32_t inference_count(void);

/* The stage that was computed last. */
uint16_t inference_stage(void);

/* The stage that is computed now, INFERENCE_NONE if none is. */
uint16_t inference_current(void);

/* Say which that is, where it is not run by inference_run. */
void inference_set_current(uint16_t index);

/* Let a paused network run on without further pauses. */
void inference_stop_pausing(void);

/* What is noted of a stage in the current run. */
stage_record *inference_record(uint16_t index);

/* Let the host read something before the network runs on; kind is a PAUSED_ value. */
void inference_offer(uint8_t kind, uint16_t index, region what);

/* The memory behind a region number; empty if there is none. */
region inference_region(uint8_t number);

#endif
