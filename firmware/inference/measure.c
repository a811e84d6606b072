#include "measure.h"
#include "commands.h"
#include "inference.h"
#include "network.h"
#include "port.h"

/* Turns of an empty loop: some microseconds on any board, more than a meter's input needs. */
#define PULSE_TURNS 500u

static uint8_t is_open; /* a window of nothing has begun */

static void pulse(void) {
    port_marker(1);
    for (volatile uint32_t turn = 0; turn < PULSE_TURNS; turn++) {
    }
    port_marker(0);
}

static void edge(int level, int pulses) {
    if (pulses) {
        pulse();
    } else {
        port_marker(level);
    }
}

__attribute__((noinline)) static void call_nothing(uint16_t stage) {
    __asm__ volatile("" : : "r"(stage));
}

/* What it costs to run a stage that does nothing. */
static int32_t nothing(uint16_t stage, uint32_t times, const uint8_t *pixels, q7_t *output) {
    (void)pixels;
    (void)output;
    for (uint32_t i = 0; i < times; i++) {
        call_nothing(stage);
    }
    return 0;
}

typedef int32_t repeated(uint16_t stage, uint32_t times, const uint8_t *pixels, q7_t *output);

/* What a window holds, which is called through a pointer whatever it is. */
typedef struct {
    repeated *what;
    uint16_t stage;
    uint32_t repetitions;
    int pulses;
} window;

/* Repeat between two edges. The counter lies inside of them. */
static int32_t repeat(const window *wanted, uint64_t *ticks) {
    network_memory memory = inference_memory();
    edge(1, wanted->pulses);
    port_counter_start();
    int32_t status = wanted->what(wanted->stage, wanted->repetitions, memory.input, memory.output);
    *ticks = port_counter_stop();
    edge(0, wanted->pulses);
    return status;
}

/* What the stages before a stage leave behind is what it finds the first time. */
static int32_t run_before(uint16_t stage) {
    network_memory memory = inference_memory();
    int32_t status = 0;
    for (uint16_t earlier = 0; earlier < stage && status == 0; earlier++) {
        status = network_stage(earlier, 1, memory.input, memory.output);
    }
    return status;
}

static void reply(int32_t status, uint64_t ticks) {
    uint8_t data[SERVER_KEPT_BYTES] = {STATUS_OK};
    frame_put_u32(data + 4, (uint32_t)status);
    frame_put_u32(data + 8, (uint32_t)ticks);
    frame_put_u32(data + 12, (uint32_t)(ticks >> 32));
    server_reply(data, sizeof data);
}

static void measure_layer(const window *wanted) {
    uint64_t ticks = UINT64_MAX;
    server_accept();
    inference_set_current(wanted->stage);
    int32_t status = run_before(wanted->stage);
    if (status == 0) {
        status = repeat(wanted, &ticks);
    }
    inference_set_current(INFERENCE_NONE);
    reply(status, ticks);
}

static void measure_nothing(const window *wanted) {
    uint64_t ticks;
    server_accept();
    int32_t status = repeat(wanted, &ticks);
    reply(status, ticks);
}

static void measure_idle(int begins, int pulses) {
    edge(begins, pulses);
    is_open = (uint8_t)begins;
    reply(0, UINT64_MAX);
}

void measure(const frame *request) {
    const uint8_t *payload = request->payload;
    if (request->length != 8 || payload[0] > MEASURE_IDLE_END) {
        server_reply_status(STATUS_BAD_REQUEST);
        return;
    }
    window wanted = {nothing, frame_u16(payload + 2), frame_u32(payload + 4), payload[1]};
    int ends = payload[0] == MEASURE_IDLE_END;
    network_memory memory = inference_memory();
    if (commands_are_paused() || memory.stages == 0 || ends != is_open) {
        server_reply_status(STATUS_BAD_STATE);
    } else if (payload[0] == MEASURE_LAYER && wanted.stage < NETWORK_STAGES &&
               wanted.repetitions <= MEASURE_MAX_REPETITIONS) {
        wanted.what = network_stage;
        measure_layer(&wanted);
    } else if (payload[0] == MEASURE_LAYER || wanted.repetitions > MEASURE_MAX_REPETITIONS) {
        server_reply_status(STATUS_BAD_REQUEST);
    } else if (payload[0] == MEASURE_EMPTY) {
        measure_nothing(&wanted);
    } else {
        measure_idle(!ends, wanted.pulses);
    }
}

void measure_session(void) {
    if (is_open) {
        port_marker(0);
        is_open = 0;
    }
}
