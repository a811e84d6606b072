#include "server.h"
#include "deployment.h"
#include "frame.h"
#include "inference.h"
#include "port.h"
#include <string.h>

/* Largest reply that is kept to be sent again; longer ones (READ) are made anew. */
#define KEPT_BYTES 16u

static frame_receiver receiver;
static uint32_t session;
static struct {
    uint8_t type;
    uint16_t sequence;
    uint8_t length;
    uint8_t open; /* accepted, not answered yet */
    uint8_t data[KEPT_BYTES];
} last;
static uint8_t paused;
static uint8_t go_on;

static void send(uint8_t type, uint16_t sequence, const void *head, size_t head_length,
                 const void *body, size_t body_length) {
    frame_send(port_write, type, sequence, session, head, (uint16_t)head_length, body,
               (uint16_t)body_length);
}

/* Answer the current request and keep the answer. */
static void reply(const uint8_t *data, uint8_t length) {
    memcpy(last.data, data, length);
    last.length = length;
    last.open = 0;
    send((uint8_t)(last.type | MESSAGE_REPLY), last.sequence, last.data, length, NULL, 0);
}

static void reply_status(uint8_t status) {
    reply(&status, 1);
}

static void send_banner(uint8_t type, uint16_t sequence) {
    send(type, sequence, DEPLOYMENT_BANNER, sizeof DEPLOYMENT_BANNER - 1, NULL, 0);
}

/* Answer INFER or CONTINUE: status, paused, stage, inferences, the network's status, the size of
 * the tensor there is to read. */
static void reply_progress(uint8_t is_paused, uint16_t stage, int32_t network_status) {
    uint8_t data[KEPT_BYTES] = {STATUS_OK, is_paused};
    frame_put_u16(data + 2, stage);
    frame_put_u32(data + 4, inference_count());
    frame_put_u32(data + 8, (uint32_t)network_status);
    frame_put_u32(data + 12, inference_region(REGION_TENSOR).bytes);
    reply(data, sizeof data);
}

static void hello(const frame *request) {
    session = request->session;
    memset(&last, 0, sizeof last);
    last.type = request->type;
    last.sequence = request->sequence;
    if (paused) {
        inference_stop_pausing();
        go_on = 1;
    }
    send_banner(MESSAGE_HELLO | MESSAGE_REPLY, request->sequence);
}

static void write_input(const frame *request) {
    int stored = request->length >= 4 && !paused &&
                 inference_write(frame_u32(request->payload), request->payload + 4,
                                 (uint32_t)request->length - 4);
    reply_status(stored ? STATUS_OK : paused ? STATUS_BAD_STATE : STATUS_BAD_REQUEST);
}

static void infer(const frame *request) {
    if (request->length != 5) {
        reply_status(STATUS_BAD_REQUEST);
    } else if (paused) {
        reply_status(STATUS_BAD_STATE);
    } else if (!inference_input_is(frame_u32(request->payload + 1))) {
        reply_status(STATUS_BAD_INPUT);
    } else {
        uint8_t flags = request->payload[0];
        last.open = 1;
        send(MESSAGE_ACCEPTED, last.sequence, NULL, 0, NULL, 0);
        int32_t status = inference_run(flags);
        /* Nobody waits if another session was opened during a pause. */
        if (last.open) {
            reply_progress(0, inference_stage(), status);
        }
    }
}

static void resume(void) {
    if (!paused) {
        reply_status(STATUS_BAD_STATE);
        return;
    }
    last.open = 1;
    go_on = 1;
    send(MESSAGE_ACCEPTED, last.sequence, NULL, 0, NULL, 0);
}

static void read_region(const frame *request) {
    uint8_t status = STATUS_OK;
    if (request->length != 7) {
        status = STATUS_BAD_REQUEST;
        send(MESSAGE_READ | MESSAGE_REPLY, request->sequence, &status, 1, NULL, 0);
        return;
    }
    region source = inference_region(request->payload[0]);
    uint32_t offset = frame_u32(request->payload + 1);
    uint32_t length = frame_u16(request->payload + 5);
    if (length > DEPLOYMENT_MAX_READ || offset > source.bytes || length > source.bytes - offset) {
        status = STATUS_BAD_REQUEST;
        length = 0;
        offset = 0;
    }
    send(MESSAGE_READ | MESSAGE_REPLY, request->sequence, &status, 1, source.data + offset, length);
}

static void report_status(void) {
    uint8_t data[9] = {STATUS_OK};
    frame_put_u32(data + 1, inference_count());
    frame_put_u32(data + 5, receiver.damaged);
    reply(data, sizeof data);
}

static void dispatch(const frame *request) {
    last.type = request->type;
    last.sequence = request->sequence;
    last.length = 0;
    switch (request->type) {
    case MESSAGE_WRITE:
        write_input(request);
        break;
    case MESSAGE_INFER:
        infer(request);
        break;
    case MESSAGE_CONTINUE:
        resume();
        break;
    case MESSAGE_READ:
        read_region(request);
        break;
    case MESSAGE_STATUS:
        report_status();
        break;
    case MESSAGE_RESET:
        reply_status(STATUS_OK);
        port_reset();
    default:
        reply_status(STATUS_BAD_REQUEST);
    }
}

/* A request is executed once: the next number is new, the same number is a repetition, whatever
 * else is left over from the past. */
static void handle(const frame *request) {
    if (request->type == MESSAGE_HELLO) {
        hello(request);
    } else if (session == 0) {
        send_banner(MESSAGE_BOOT, 0);
    } else if (request->session != session) {
        return;
    } else if (request->sequence == (uint16_t)(last.sequence + 1)) {
        dispatch(request);
    } else if (request->sequence == last.sequence && request->type == last.type) {
        if (request->type == MESSAGE_READ) {
            read_region(request);
        } else if (last.length > 0) {
            send((uint8_t)(last.type | MESSAGE_REPLY), last.sequence, last.data, last.length, NULL,
                 0);
        }
    }
}

/* Feed the receiver one byte, and act on what it completes. A request may pause an inference and so
 * call this again: what was read but not fed yet stays in the chunk for that call. */
static void serve_once(void) {
    static uint8_t chunk[64];
    static size_t used, stored;
    frame request;
    if (used == stored) {
        stored = port_read(chunk, sizeof chunk);
        used = 0;
    }
    switch (frame_feed(&receiver, chunk[used++], &request)) {
    case FRAME_READY:
        handle(&request);
        break;
    case FRAME_DAMAGED:
        send(MESSAGE_DAMAGED, 0, NULL, 0, NULL, 0);
        break;
    case FRAME_NONE:
        break;
    }
}

void server_pause(uint16_t stage) {
    if (last.open) {
        reply_progress(1, stage, 0);
    }
    paused = 1;
    go_on = 0;
    while (!go_on) {
        serve_once();
    }
    paused = 0;
}

void server_run(void) {
    send_banner(MESSAGE_BOOT, 0);
    for (;;) {
        serve_once();
    }
}

void server_log(const char *text) {
    send(MESSAGE_LOG, 0, text, strlen(text), NULL, 0);
}

void server_fault(const uint32_t *words, size_t count) {
    uint8_t stage[2];
    frame_put_u16(stage, inference_stage());
    send(MESSAGE_FAULT, 0, stage, sizeof stage, words, count * sizeof *words);
}
