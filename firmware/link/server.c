#include "server.h"
#include "crc32.h"
#include "deployment.h"
#include "port.h"
#include <string.h>

static frame_receiver receiver;
static uint32_t session;
static struct {
    uint8_t type;
    uint16_t sequence;
    uint8_t length;
    uint8_t open; /* accepted, not answered yet */
    uint8_t data[SERVER_KEPT_BYTES];
} last;

static void send(uint8_t type, uint16_t sequence, const void *head, size_t head_length,
                 const void *body, size_t body_length) {
    frame_send(port_write, type, sequence, session, head, (uint16_t)head_length, body,
               (uint16_t)body_length);
}

void server_reply(const uint8_t *data, uint8_t length) {
    memcpy(last.data, data, length);
    last.length = length;
    last.open = 0;
    send((uint8_t)(last.type | MESSAGE_REPLY), last.sequence, last.data, length, NULL, 0);
}

void server_reply_status(uint8_t status) {
    server_reply(&status, 1);
}

void server_accept(void) {
    last.open = 1;
    send(MESSAGE_ACCEPTED, last.sequence, NULL, 0, NULL, 0);
}

int server_pending(void) {
    return last.open;
}

static void send_banner(uint8_t type, uint16_t sequence) {
    char described[PORT_DESCRIPTION_BYTES];
    size_t length = port_describe(described, sizeof described);
    send(type, sequence, DEPLOYMENT_BANNER, sizeof DEPLOYMENT_BANNER - 1, described, length);
}

static void hello(const frame *request) {
    session = request->session;
    memset(&last, 0, sizeof last);
    last.type = request->type;
    last.sequence = request->sequence;
    app_session();
    send_banner(MESSAGE_HELLO | MESSAGE_REPLY, request->sequence);
}

static void write_memory(const frame *request) {
    uint8_t status = STATUS_BAD_REQUEST;
    if (request->length >= 4) {
        status = app_write(frame_u32(request->payload), request->payload + 4,
                           (uint32_t)request->length - 4);
    }
    server_reply_status(status);
}

static void read_region(const frame *request) {
    uint8_t status = STATUS_OK;
    if (request->length != 7) {
        status = STATUS_BAD_REQUEST;
        send(MESSAGE_READ | MESSAGE_REPLY, request->sequence, &status, 1, NULL, 0);
        return;
    }
    region source = app_region(request->payload[0]);
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
    uint8_t data[10] = {STATUS_OK};
    frame_put_u32(data + 1, app_count());
    frame_put_u32(data + 5, receiver.damaged);
    data[9] = port_debugger() ? STATUS_FLAG_DEBUGGER : 0;
    server_reply(data, sizeof data);
}

/* The answer still leaves at the old speed. */
static void change_baud(const frame *request) {
    if (request->length != 4) {
        server_reply_status(STATUS_BAD_REQUEST);
    } else {
        int changes = port_set_baud(frame_u32(request->payload));
        server_reply_status(changes ? STATUS_OK : STATUS_BAD_STATE);
    }
}

static void report_image(void) {
    uint8_t data[9] = {STATUS_OK};
    uint32_t bytes;
    const uint8_t *image = port_image(&bytes);
    frame_put_u32(data + 1, bytes);
    frame_put_u32(data + 5, crc32_update(0, image, bytes));
    server_reply(data, sizeof data);
}

static void dispatch(const frame *request) {
    last.type = request->type;
    last.sequence = request->sequence;
    last.length = 0;
    switch (request->type) {
    case MESSAGE_WRITE:
        write_memory(request);
        break;
    case MESSAGE_READ:
        read_region(request);
        break;
    case MESSAGE_STATUS:
        report_status();
        break;
    case MESSAGE_BAUD:
        change_baud(request);
        break;
    case MESSAGE_IMAGE:
        report_image();
        break;
    case MESSAGE_RESET:
        server_reply_status(STATUS_OK);
        port_reset();
    default:
        if (!app_request(request)) {
            server_reply_status(STATUS_BAD_REQUEST);
        }
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
        } else if (request->type == MESSAGE_BAUD) {
            change_baud(request); /* whoever asks again has not changed yet */
        } else if (last.length > 0) {
            send((uint8_t)(last.type | MESSAGE_REPLY), last.sequence, last.data, last.length, NULL,
                 0);
        }
    }
}

/* A request may call this again, from a pause: what was read but not fed yet stays in the chunk for
 * that call. */
void server_step(void) {
    static uint8_t chunk[64];
    static size_t used, stored;
    frame request;
    if (used == stored) {
        stored = port_read(chunk, sizeof chunk);
        used = 0;
    }
    switch (frame_feed(&receiver, chunk[used++], &request)) {
    case FRAME_READY:
        port_confirm();
        handle(&request);
        break;
    case FRAME_DAMAGED:
        send(MESSAGE_DAMAGED, 0, NULL, 0, NULL, 0);
        break;
    case FRAME_NONE:
        break;
    }
}

void server_run(void) {
    send_banner(MESSAGE_BOOT, 0);
    for (;;) {
        server_step();
    }
}

void server_log(const char *text) {
    send(MESSAGE_LOG, 0, text, strlen(text), NULL, 0);
}

void server_fault(const uint32_t *words, size_t count) {
    uint8_t stage[2];
    frame_put_u16(stage, app_stage());
    send(MESSAGE_FAULT, 0, stage, sizeof stage, words, count * sizeof *words);
}
