/* What the app answers, beside what the server does itself. */
#include "commands.h"
#include "crc32.h"
#include "forward.h"
#include "inference.h"
#include "loaded.h"
#include <string.h>

/* What a WRITE reaches, by the first offset. */
#define FILE_OFFSET 0x80000000u
#define IMAGE_OFFSET 0x40000000u

/* What was said of the last file, filled up with zeros. */
static char text[96];

static void reply_loaded(const load_outcome *outcome) {
    uint8_t data[SERVER_KEPT_BYTES] = {STATUS_OK, (uint8_t)outcome->code};
    frame_put_u16(data + 2, outcome->failure.layer);
    frame_put_u32(data + 4, outcome->failure.offset);
    frame_put_u32(data + 8, outcome->needed);
    frame_put_u16(data + 12, outcome->stages);
    frame_put_u16(data + 14, outcome->channels);
    server_reply(data, sizeof data);
}

/* place u8, dialect u8, flags u8, bytes u32, crc32 u32 */
static void load(const frame *request) {
    const uint8_t *payload = request->payload;
    load_outcome outcome = {0};
    if (request->length != 11) {
        server_reply_status(STATUS_BAD_REQUEST);
        return;
    }
    if (commands_are_paused()) {
        server_reply_status(STATUS_BAD_STATE);
        return;
    }
    const load_request wanted = {payload[0], payload[1], payload[2], frame_u32(payload + 3),
                                 frame_u32(payload + 7)};
    server_accept();
    uint8_t status = loaded_load(&wanted, &outcome);
    if (status != STATUS_OK) {
        server_reply_status(status);
        return;
    }
    strncpy(text, qrig_network_text(outcome.code), sizeof text);
    reply_loaded(&outcome);
}

int app_request(const frame *request) {
    switch (request->type) {
    case MESSAGE_LOAD:
        load(request);
        return 1;
    case MESSAGE_FORWARD:
        forward(request);
        return 1;
    default:
        return commands_request(request);
    }
}

uint8_t app_write(uint32_t offset, const uint8_t *data, uint32_t length) {
    uint8_t *to;
    if (commands_are_paused()) {
        return STATUS_BAD_STATE;
    }
    if (offset >= FILE_OFFSET) {
        to = loaded_file(offset - FILE_OFFSET, length);
    } else if (loaded_network() == NULL) {
        return STATUS_BAD_STATE;
    } else if (offset >= IMAGE_OFFSET) {
        to = loaded_image(offset - IMAGE_OFFSET, length);
    } else {
        return inference_write(offset, data, length) ? STATUS_OK : STATUS_BAD_REQUEST;
    }
    if (to == NULL) {
        return STATUS_BAD_REQUEST;
    }
    memcpy(to, data, length);
    return STATUS_OK;
}

region app_region(uint8_t number) {
    if (number == REGION_TEXT) {
        return (region){(const uint8_t *)text, sizeof text};
    }
    return inference_region(number);
}
