/* frame_fuzz BYTES SEED: feeds a receiver noise and mutated frames, about BYTES in all. No noise
 * may pass for a frame, no mutated frame for another one, and a whole frame behind either must be
 * received with the first zero that follows it. Prints what was counted. */
#include "frame.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NOISE 3000u
#define MAX_MUTATIONS 6u
#define MAX_WIRE (FRAME_MAX_BYTES + 16u)

typedef struct {
    uint8_t data[2 * MAX_WIRE];
    size_t size;
} bytes;

static frame_receiver receiver;
static bytes wire;
static uint8_t payload[FRAME_MAX_PAYLOAD];
static uint64_t state, fed, accidents, unchanged;

/* Marsaglia's xorshift64 with Vigna's multiplier. */
static uint32_t draw(uint32_t limit) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 0x2545f4914f6cdd1du) >> 33) % limit;
}

static void append(const uint8_t *data, size_t length) {
    memcpy(wire.data + wire.size, data, length);
    wire.size += length;
}

static frame make(void) {
    frame made = {.type = (uint8_t)draw(256), .sequence = (uint16_t)draw(65536)};
    made.session = draw(1u << 31);
    made.length = (uint16_t)draw(FRAME_MAX_PAYLOAD + 1);
    made.payload = payload;
    uint32_t span = draw(2) ? 256 : 2;
    for (uint16_t i = 0; i < made.length; i++) {
        payload[i] = (uint8_t)draw(span);
    }
    wire.size = 0;
    frame_send(append, made.type, made.sequence, made.session, payload, made.length, NULL, 0);
    return made;
}

static int same(const frame *a, const frame *b) {
    return a->type == b->type && a->sequence == b->sequence && a->session == b->session &&
           a->length == b->length && memcmp(a->payload, b->payload, a->length) == 0;
}

static frame_event feed(uint8_t byte, frame *received) {
    fed++;
    return frame_feed(&receiver, byte, received);
}

/* Uniform bytes, bytes rich in zeros and short blocks, or noise behind a valid header. */
static void feed_noise(void) {
    uint32_t length = draw(MAX_NOISE), kind = draw(3);
    frame received;
    for (uint32_t i = 0; i < length; i++) {
        uint8_t byte = (uint8_t)draw(kind == 1 ? 4 : 256);
        if (kind == 2 && i % 300 < 3) {
            byte = (uint8_t[]){0, 5, FRAME_VERSION}[i % 300];
        }
        accidents += feed(byte, &received) == FRAME_READY;
    }
}

static void mutate(void) {
    for (uint32_t count = draw(MAX_MUTATIONS + 1); count > 0 && wire.size > 1; count--) {
        size_t at = draw((uint32_t)wire.size);
        size_t behind = wire.size - at - 1;
        switch (draw(3)) {
        case 0:
            wire.data[at] ^= (uint8_t)(1u << draw(8));
            break;
        case 1:
            memmove(wire.data + at, wire.data + at + 1, behind);
            wire.size--;
            break;
        default:
            memmove(wire.data + at + 1, wire.data + at, behind + 1);
            wire.size++;
        }
    }
}

static void feed_mutated(void) {
    frame original = make(), received;
    mutate();
    for (size_t i = 0; i < wire.size; i++) {
        if (feed(wire.data[i], &received) == FRAME_READY) {
            unchanged += same(&received, &original) != 0;
            accidents += !same(&received, &original);
        }
    }
}

/* Whether a whole frame is received with its first zero behind. */
static int resynchronises(void) {
    frame original = make(), received;
    for (size_t i = 0; i < wire.size; i++) {
        int due = i == wire.size - 3;
        int ready = feed(wire.data[i], &received) == FRAME_READY;
        if (ready != due || (ready && !same(&received, &original))) {
            return 0;
        }
    }
    return 1;
}

int main(int count, char **arguments) {
    if (count != 3) {
        return EXIT_FAILURE;
    }
    uint64_t limit = strtoull(arguments[1], NULL, 10), rounds = 0, lost = 0;
    state = strtoull(arguments[2], NULL, 10) | 1;
    for (; fed < limit; rounds++) {
        if (rounds % 4 == 0) {
            feed_mutated();
        } else {
            feed_noise();
        }
        lost += !resynchronises();
    }
    printf("accidents %" PRIu64 " lost %" PRIu64 " rounds %" PRIu64 " damaged %" PRIu32
           " unchanged %" PRIu64 "\n",
           accidents, lost, rounds, receiver.damaged, unchanged);
    return EXIT_SUCCESS;
}
