#include "crc32.h"
#include "frame.h"

/* A COBS block being filled: its code byte, then up to 254 bytes that are not zero. */
typedef struct {
    frame_sink sink;
    uint8_t block[255];
    uint8_t used;
} encoder;

static void flush(encoder *out) {
    out->block[0] = (uint8_t)(out->used + 1);
    out->sink(out->block, (size_t)out->used + 1);
    out->used = 0;
}

static void put(encoder *out, const uint8_t *data, size_t length) {
    while (length--) {
        uint8_t byte = *data++;
        if (byte != 0) {
            out->block[++out->used] = byte;
        }
        if (byte == 0 || out->used == 254) {
            flush(out);
        }
    }
}

void frame_send(frame_sink sink, uint8_t type, uint16_t sequence, uint32_t session,
                const uint8_t *head, uint16_t head_length, const uint8_t *body,
                uint16_t body_length) {
    static const uint8_t zeros[3];
    encoder out = {.sink = sink};
    uint8_t header[FRAME_HEADER_BYTES] = {FRAME_VERSION, type};
    uint8_t check[FRAME_CRC_BYTES];
    frame_put_u16(header + 2, sequence);
    frame_put_u32(header + 4, session);
    frame_put_u16(header + 8, (uint16_t)(head_length + body_length));
    uint32_t crc = crc32_update(0, header, sizeof header);
    crc = crc32_update(crc, head, head_length);
    frame_put_u32(check, crc32_update(crc, body, body_length));
    sink(zeros, 1);
    put(&out, header, sizeof header);
    put(&out, head, head_length);
    put(&out, body, body_length);
    put(&out, check, sizeof check);
    flush(&out);
    sink(zeros, 3);
}
