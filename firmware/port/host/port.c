/* The port to a process on the host: the stream is standard input and output. */
#define _POSIX_C_SOURCE 200809L
#include "port.h"
#include <stdlib.h>
#include <unistd.h>

void port_init(void) {}

size_t port_read(uint8_t *data, size_t capacity) {
    ssize_t count = read(STDIN_FILENO, data, capacity);
    if (count <= 0) {
        exit(EXIT_SUCCESS);
    }
    return (size_t)count;
}

void port_write(const uint8_t *data, size_t length) {
    while (length > 0) {
        ssize_t count = write(STDOUT_FILENO, data, length);
        if (count <= 0) {
            exit(EXIT_FAILURE);
        }
        data += count;
        length -= (size_t)count;
    }
}

int port_set_baud(uint32_t baud) {
    (void)baud;
    return 0;
}

void port_confirm(void) {}

size_t port_describe(char *text, size_t capacity) {
    (void)text;
    (void)capacity;
    return 0;
}

int port_debugger(void) {
    return 0;
}

const uint8_t *port_image(uint32_t *bytes) {
    *bytes = 0;
    return NULL;
}

void port_marker(int level) {
    (void)level;
}

void port_counter_start(void) {}

uint64_t port_counter_stop(void) {
    return UINT64_MAX;
}

void port_reset(void) {
    /* The process starts over in place, on the same stream. */
    execl("/proc/self/exe", "qrig-firmware", (char *)NULL);
    exit(EXIT_FAILURE);
}
