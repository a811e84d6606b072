/* Frames on a byte stream: COBS between zero bytes, with a header and a CRC-32.
 *
 *   decoded: version u8, type u8, sequence u16, session u32, length u16, payload, crc32 u32
 *   wire:    00 <COBS> 00 00 00
 *
 * All integers are little-endian; the CRC covers everything before it. The zeros in front end
 * whatever noise came before; of the three behind, any single one may be lost or damaged and the
 * receiver still sees the frame end and the transmission pause.
 */
#ifndef QRIG_FRAME_H
#define QRIG_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_VERSION 1u
#define FRAME_HEADER_BYTES 10u
#define FRAME_CRC_BYTES 4u
/* Largest payload a receiver takes. */
#define FRAME_MAX_PAYLOAD 520u
#define FRAME_MAX_BYTES (FRAME_HEADER_BYTES + FRAME_MAX_PAYLOAD + FRAME_CRC_BYTES)

typedef struct {
    uint8_t type;
    uint16_t sequence;
    uint32_t session;
    uint16_t length;
    const uint8_t *payload;
} frame;

typedef enum {
    FRAME_NONE,    /* nothing yet */
    FRAME_READY,   /* a whole frame, valid until the next byte is fed */
    FRAME_DAMAGED, /* damaged bytes came, then two zeros: the sender has stopped */
} frame_event;

/* A receiver. Zero it to start. */
typedef struct {
    uint8_t data[FRAME_MAX_BYTES];
    uint16_t used;    /* decoded bytes */
    uint8_t left;     /* bytes left in the current COBS block */
    uint8_t zero_due; /* whether the current block ends in a zero */
    uint8_t started;  /* whether a byte came since the last zero */
    uint8_t bad;      /* whether the frame is already lost */
    uint8_t pending;  /* whether damage has not been reported yet */
    uint32_t damaged; /* how often damage was reported */
} frame_receiver;

/* Feed one byte; on FRAME_READY *received is filled in. */
frame_event frame_feed(frame_receiver *receiver, uint8_t byte, frame *received);

/* Where encoded bytes go. */
typedef void (*frame_sink)(const uint8_t *data, size_t length);

/* Send a frame whose payload is head followed by body. */
void frame_send(frame_sink sink, uint8_t type, uint16_t sequence, uint32_t session,
                const uint8_t *head, uint16_t head_length, const uint8_t *body,
                uint16_t body_length);

static inline uint16_t frame_u16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t frame_u32(const uint8_t *bytes) {
    return (uint32_t)frame_u16(bytes) | (uint32_t)frame_u16(bytes + 2) << 16;
}

static inline void frame_put_u16(uint8_t *bytes, uint16_t value) {
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static inline void frame_put_u32(uint8_t *bytes, uint32_t value) {
    frame_put_u16(bytes, (uint16_t)value);
    frame_put_u16(bytes + 2, (uint16_t)(value >> 16));
}

#endif
