#include "commands.h"
#include "inference.h"
#include "measure.h"

static uint8_t paused;
static uint8_t go_on;

/* Answer INFER or CONTINUE: status, why it waits, stage, inferences, the network's status, the size
 * of the tensor there is to read. */
static void reply_progress(uint8_t kind, uint16_t stage, int32_t network_status) {
    uint8_t data[SERVER_KEPT_BYTES] = {STATUS_OK, kind};
    frame_put_u16(data + 2, stage);
    frame_put_u32(data + 4, inference_count());
    frame_put_u32(data + 8, (uint32_t)network_status);
    frame_put_u32(data + 12, inference_region(REGION_TENSOR).bytes);
    server_reply(data, sizeof data);
}

void commands_run(uint8_t flags) {
    server_accept();
    int32_t status = inference_run(flags);
    /* Nobody waits if another session was opened during a pause. */
    if (server_pending()) {
        reply_progress(PAUSED_NOT, inference_stage(), status);
    }
}

static void infer(const frame *request) {
    if (request->length != 5) {
        server_reply_status(STATUS_BAD_REQUEST);
    } else if (paused || inference_memory().stages == 0) {
        server_reply_status(STATUS_BAD_STATE);
    } else if (!inference_input_is(frame_u32(request->payload + 1))) {
        server_reply_status(STATUS_BAD_INPUT);
    } else {
        commands_run(request->payload[0]);
    }
}

static void resume(void) {
    if (!paused) {
        server_reply_status(STATUS_BAD_STATE);
        return;
    }
    go_on = 1;
    server_accept();
}

int commands_request(const frame *request) {
    switch (request->type) {
    case MESSAGE_INFER:
        infer(request);
        return 1;
    case MESSAGE_CONTINUE:
        resume();
        return 1;
    case MESSAGE_MEASURE:
        measure(request);
        return 1;
    default:
        return 0;
    }
}

int commands_are_paused(void) {
    return paused;
}

uint32_t app_count(void) {
    return inference_count();
}

uint16_t app_stage(void) {
    return inference_current();
}

void app_session(void) {
    measure_session();
    if (paused) {
        inference_stop_pausing();
        go_on = 1;
    }
}

void commands_pause(uint8_t kind, uint16_t stage) {
    if (server_pending()) {
        reply_progress(kind, stage, 0);
    }
    paused = 1;
    go_on = 0;
    while (!go_on) {
        server_step();
    }
    paused = 0;
}
