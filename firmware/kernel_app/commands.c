/* What the app answers, beside what the server does itself. */
#include "arena.h"
#include "call.h"
#include "crc32.h"
#include "fill.h"
#include "kernels.h"
#include "server.h"
#include <string.h>

enum {
    REGION_ARENA = 0,
};

/* The CRC-32 of pieces of the arena, one after the other. */
static void check(const frame *request) {
    uint8_t answer[5] = {STATUS_OK};
    uint32_t crc = 0;
    if (request->length == 0 || request->length % 8 != 0) {
        server_reply_status(STATUS_BAD_REQUEST);
        return;
    }
    for (uint32_t i = 0; i < request->length; i += 8) {
        uint32_t bytes = frame_u32(request->payload + i + 4);
        const uint8_t *piece = arena_at(frame_u32(request->payload + i), bytes);
        if (piece == NULL) {
            server_reply_status(STATUS_BAD_REQUEST);
            return;
        }
        crc = crc32_update(crc, piece, bytes);
    }
    frame_put_u32(answer + 1, crc);
    server_reply(answer, sizeof answer);
}

static void find(const frame *request) {
    uint8_t answer[3] = {STATUS_OK};
    uint32_t number = kernel_find(request->payload, request->length);
    if (kernel_numbered(number) == NULL) {
        server_reply_status(STATUS_UNKNOWN);
        return;
    }
    frame_put_u16(answer + 1, (uint16_t)number);
    server_reply(answer, sizeof answer);
}

int app_request(const frame *request) {
    switch (request->type) {
    case MESSAGE_FILL:
        server_reply_status(fill_arena(request));
        return 1;
    case MESSAGE_CHECK:
        check(request);
        return 1;
    case MESSAGE_FIND:
        find(request);
        return 1;
    case MESSAGE_CALL:
        call_kernel(request);
        return 1;
    default:
        return 0;
    }
}

uint8_t app_write(uint32_t offset, const uint8_t *data, uint32_t length) {
    uint8_t *to = arena_at(offset, length);
    if (to == NULL) {
        return STATUS_BAD_REQUEST;
    }
    memcpy(to, data, length);
    return STATUS_OK;
}

region app_region(uint8_t number) {
    if (number != REGION_ARENA) {
        return (region){0};
    }
    return (region){arena_at(0, arena_bytes()), arena_bytes()};
}

uint32_t app_count(void) {
    return call_count();
}

uint16_t app_stage(void) {
    return call_last();
}

void app_session(void) {}
