#include "inference.h"
#include "commands.h"
#include "crc32.h"
#include "network.h"
#include "port.h"
#include "profile_mark.h"
#include "trace.h"
#include <string.h>

static network_memory memory; /* of the current run */
static uint8_t run_flags;
static region tensor;
static uint32_t count;
static uint64_t overhead;
static uint16_t stage;
static uint16_t current = INFERENCE_NONE;
static uint8_t calibrating;
static uint8_t may_pause;

int inference_write(uint32_t offset, const uint8_t *data, uint32_t length) {
    network_memory now = inference_memory();
    if (offset > now.input_bytes || length > now.input_bytes - offset) {
        return 0;
    }
    memcpy(now.input + offset, data, length);
    return 1;
}

int inference_input_is(uint32_t crc32) {
    network_memory now = inference_memory();
    return crc32_update(0, now.input, now.input_bytes) == crc32;
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
        current = (uint16_t)(index + 1u);
        if (!network_tracing || !NETWORK_IS_FUSED) {
            stage_record *record = inference_record(index);
            record->ticks = ticks == UINT64_MAX ? ticks : ticks - overhead;
            record->bytes = bytes;
        }
        if (network_tracing) {
            trace_stage(index, data, bytes);
            next = NETWORK_IS_FUSED ? PROFILE_HARNESS : next;
        }
    }
    begin(next < PROFILE_DONE ? next : PROFILE_HARNESS);
}

/* The cost of a stage that does nothing: two calls in a row, the second one counts. Not inlined, so
 * that the compiler moves nothing of its caller between them. */
__attribute__((noinline)) static void calibrate(void) {
    calibrating = 1;
    network_stage_done(0, memory.output, 0);
    network_stage_done(0, memory.output, 0);
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

/* The arguments are at hand before the counter starts: they cost the first stage nothing. */
static int32_t run(uint32_t phase) {
    const uint8_t *input = memory.input;
    q7_t *output = memory.output;
    current = 0;
    port_marker(1);
    begin(phase);
    int32_t status = network_run(input, output);
    (void)port_counter_stop();
    port_marker(0);
    current = INFERENCE_NONE;
    return status;
}

static uint32_t output_crc32(void) {
    return crc32_update(0, memory.output, memory.output_bytes);
}

/* Run once more to deliver all tensors, neither counted nor profiled. Its output must be the one
 * that was timed. */
static int32_t run_again(uint8_t flags) {
    uint32_t first = output_crc32();
    for (uint32_t i = 0; i < memory.stages; i++) {
        memory.records[i].bytes = 0;
    }
    trace_begin(flags);
    int32_t status = run(PROFILE_HARNESS);
    trace_end();
    if (status == ARM_MATH_SUCCESS && output_crc32() != first) {
        status = INFERENCE_UNSTABLE;
    }
    return status;
}

/* Run for the counter and the profile. */
static int32_t run_counted(void) {
    int32_t status = run(PROFILE_STAGE);
    profile_mark(PROFILE_DONE);
    return status;
}

static void prepare(uint8_t flags) {
    memory = inference_memory();
    run_flags = flags;
    calibrate();
    may_pause = 1;
    count++;
    memset(memory.records, 0, memory.stages * sizeof *memory.records);
    for (uint32_t i = 0; i < memory.stages; i++) {
        memory.records[i].ticks = UINT64_MAX;
    }
}

int32_t inference_run(uint8_t flags) {
    int wants_trace = (flags & (INFER_PAUSE | INFER_CRC)) != 0;
    int32_t status;
    prepare(flags);
    if (wants_trace && !NETWORK_IS_FUSED) {
        /* Stages stay as they are when they are delivered: one run does both. */
        trace_begin(flags);
        status = run_counted();
        trace_end();
        return status;
    }
    status = run_counted();
    return wants_trace && status == ARM_MATH_SUCCESS ? run_again(flags) : status;
}

stage_record *inference_record(uint16_t index) {
    return &memory.records[index];
}

uint8_t inference_flags(void) {
    return run_flags;
}

uint32_t inference_count(void) {
    return count;
}

uint16_t inference_stage(void) {
    return stage;
}

uint16_t inference_current(void) {
    return current;
}

void inference_set_current(uint16_t index) {
    current = index;
}

void inference_stop_pausing(void) {
    may_pause = 0;
}

region inference_region(uint8_t number) {
    network_memory now = inference_memory();
    switch (number) {
    case REGION_TENSOR:
        return tensor;
    case REGION_OUTPUT:
        return (region){(const uint8_t *)now.output, now.output_bytes};
    case REGION_RECORDS:
        return (region){(const uint8_t *)now.records, now.stages * (uint32_t)sizeof *now.records};
    default:
        return (region){0};
    }
}
