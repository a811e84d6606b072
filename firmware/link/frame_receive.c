#include "crc32.h"
#include "frame.h"

static void restart(frame_receiver *receiver) {
    receiver->used = 0;
    receiver->left = 0;
    receiver->zero_due = 0;
    receiver->started = 0;
    receiver->bad = 0;
}

static void append(frame_receiver *receiver, uint8_t byte) {
    if (receiver->used < FRAME_MAX_BYTES) {
        receiver->data[receiver->used++] = byte;
    } else {
        receiver->bad = 1;
    }
}

/* Whether the decoded bytes are a frame; if so, take it apart. */
static int parse(const frame_receiver *receiver, frame *received) {
    const uint8_t *data = receiver->data;
    if (receiver->bad || receiver->left != 0 ||
        receiver->used < FRAME_HEADER_BYTES + FRAME_CRC_BYTES || data[0] != FRAME_VERSION) {
        return 0;
    }
    uint16_t length = frame_u16(data + 8);
    uint16_t covered = (uint16_t)(receiver->used - FRAME_CRC_BYTES);
    if ((uint32_t)length + FRAME_HEADER_BYTES != covered ||
        crc32_update(0, data, covered) != frame_u32(data + covered)) {
        return 0;
    }
    received->type = data[1];
    received->sequence = frame_u16(data + 2);
    received->session = frame_u32(data + 4);
    received->length = length;
    received->payload = data + FRAME_HEADER_BYTES;
    return 1;
}

static frame_event end(frame_receiver *receiver, frame *received) {
    frame_event event = FRAME_NONE;
    if (!receiver->started) {
        if (receiver->pending) {
            receiver->pending = 0;
            receiver->damaged++;
            event = FRAME_DAMAGED;
        }
    } else if (parse(receiver, received)) {
        receiver->pending = 0;
        event = FRAME_READY;
    } else {
        receiver->pending = 1;
    }
    restart(receiver);
    return event;
}

frame_event frame_feed(frame_receiver *receiver, uint8_t byte, frame *received) {
    if (byte == 0) {
        return end(receiver, received);
    }
    if (receiver->left == 0) {
        if (receiver->started && receiver->zero_due) {
            append(receiver, 0);
        }
        receiver->left = (uint8_t)(byte - 1);
        receiver->zero_due = byte != 0xff;
    } else {
        append(receiver, byte);
        receiver->left--;
    }
    receiver->started = 1;
    return FRAME_NONE;
}
