#include "inference.h"
#include "commands.h"
#include "crc32.h"
#include "network.h"
#include "port.h"
#include "profile_mark.h"
#include "trace.h"
#include <string.h>

static uint8_t input[NETWORK_INPUT_BYTES];
static q7_t output[NETWORK_OUTPUT_BYTES];
static stage_record records[NETWORK_STAGES];
static region tensor;
static uint32_t count;
static uint64_t overhead;
static uint16_t stage;
static uint8_t calibrating;
static uint8_t may_pause;

int inference_write(uint32_t offset, const uint8_t *data, uint32_t length) {
    if (offset > sizeof input || length > sizeof input - offset) {
        return 0;
    }
    memcpy(input + offset, data, length);
    return 1;
}

int inference_input_is(uint32_t crc32) {
    return crc32_update(0, input, sizeof input) == crc32;
}

/* Every stage begins in here, so that what is counted of it beside its own code is the same. The
 * marks lie inside of what the counter counts: no access to its registers is profiled. */
__attribute__((noinline)) static void begin(uint32_t phase) {
    port_counter_start();
    profile_mark(phase);
}

/* Called by the network behind every stage. The counter stands still in here, and the profile
 * counts for the harness. Not inlined, so that every caller pays the same. */
__attribute__((noinline)) void network_stage_done(uint16_t index, const q7_t *data,
                                                  uint32_t bytes) {
    profile_mark(PROFILE_HARNESS);
    uint64_t ticks = port_counter_stop();
    uint32_t next = PROFILE_STAGE + index + 1u;
    if (calibrating) {
        overhead = ticks == UINT64_MAX ? 0 : ticks;
        next = calibrating == 1 ? PROFILE_OVERHEAD : PROFILE_DONE;
        calibrating = 2;
    } else {
        stage = index;
        if (!network_tracing || !NETWORK_IS_FUSED) {
            records[index].ticks = ticks == UINT64_MAX ? ticks : ticks - overhead;
            records[index].bytes = bytes;
        }
        if (network_tracing) {
            trace_stage(index, data, bytes);
            next = NETWORK_IS_FUSED ? PROFILE_HARNESS : next;
        }
    }
    begin(next < PROFILE_DONE ? next : PROFILE_HARNESS);
}

/* The cost of a stage that does nothing: two calls in a row, the second one counts. */
static void calibrate(void) {
    calibrating = 1;
    network_stage_done(0, output, 0);
    network_stage_done(0, output, 0);
    (void)port_counter_stop();
    calibrating = 0;
}

void inference_offer(uint8_t kind, uint16_t index, region what) {
    if (may_pause) {
        tensor = what;
        commands_pause(kind, index);
        tensor.bytes = 0;
    }
}

static int32_t run(void) {
    begin(PROFILE_STAGE);
    int32_t status = network_run(input, output);
    (void)port_counter_stop();
    profile_mark(PROFILE_DONE);
    return status;
}

/* The same for a trace alone: neither counted nor profiled. */
static int32_t run_aside(void) {
    begin(PROFILE_HARNESS);
    int32_t status = network_run(input, output);
    (void)port_counter_stop();
    return status;
}

/* Run once more to deliver all tensors. Its output must be the one that was timed. */
static int32_t run_again(uint8_t flags) {
    uint32_t first = crc32_update(0, output, sizeof output);
    for (uint32_t i = 0; i < NETWORK_STAGES; i++) {
        records[i].bytes = 0;
    }
    trace_begin(flags);
    int32_t status = run_aside();
    trace_end();
    if (status == ARM_MATH_SUCCESS && crc32_update(0, output, sizeof output) != first) {
        status = INFERENCE_UNSTABLE;
    }
    return status;
}

int32_t inference_run(uint8_t flags) {
    int wants_trace = (flags & (INFER_PAUSE | INFER_CRC)) != 0;
    int32_t status;
    calibrate();
    memset(records, 0, sizeof records);
    for (uint32_t i = 0; i < NETWORK_STAGES; i++) {
        records[i].ticks = UINT64_MAX;
    }
    may_pause = 1;
    count++;
    if (wants_trace && !NETWORK_IS_FUSED) {
        /* Stages stay as they are when they are delivered: one run does both. */
        trace_begin(flags);
        status = run();
        trace_end();
        return status;
    }
    status = run();
    return wants_trace && status == ARM_MATH_SUCCESS ? run_again(flags) : status;
}

stage_record *inference_record(uint16_t index) {
    return &records[index];
}

uint32_t inference_count(void) {
    return count;
}

uint16_t inference_stage(void) {
    return stage;
}

void inference_stop_pausing(void) {
    may_pause = 0;
}

region inference_region(uint8_t number) {
    switch (number) {
    case REGION_TENSOR:
        return tensor;
    case REGION_OUTPUT:
        return (region){(const uint8_t *)output, sizeof output};
    case REGION_RECORDS:
        return (region){(const uint8_t *)records, sizeof records};
    default:
        return (region){0};
    }
}
