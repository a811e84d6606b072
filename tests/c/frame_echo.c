/* Reads bytes, sends every good frame back with its type plus one, and a frame of type DAMAGED for
 * every reported damage. The payload goes out as head and body. */
#include "frame.h"
#include <stdio.h>
#include <stdlib.h>

#define DAMAGED 0x41u

static void write_out(const uint8_t *data, size_t length) {
    if (fwrite(data, 1, length, stdout) != length) {
        exit(EXIT_FAILURE);
    }
}

int main(void) {
    static frame_receiver receiver;
    frame received;
    int byte;
    while ((byte = getchar()) != EOF) {
        frame_event event = frame_feed(&receiver, (uint8_t)byte, &received);
        if (event == FRAME_READY) {
            uint16_t half = received.length / 2;
            frame_send(write_out, (uint8_t)(received.type + 1), received.sequence, received.session,
                       received.payload, half, received.payload + half,
                       (uint16_t)(received.length - half));
        } else if (event == FRAME_DAMAGED) {
            frame_send(write_out, DAMAGED, (uint16_t)receiver.damaged, 0, NULL, 0, NULL, 0);
        }
    }
    return EXIT_SUCCESS;
}
