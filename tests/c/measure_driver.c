/* The windows of a power meter beside a port and a network that write down what is done to them.
 * Reads MEASURE payloads as hex lines; prints what happened, one word each, and the answer. */
#include "commands.h"
#include "inference.h"
#include "measure.h"
#include "network.h"
#include "port.h"
#include <stdio.h>
#include <string.h>

static int paused, failing_stage = -1;
static uint64_t ticks;

network_memory inference_memory(void) {
    static uint8_t input[4];
    static q7_t output[4];
    static stage_record records[NETWORK_STAGES];
    return (network_memory){input, 4, output, 4, records, NETWORK_STAGES};
}

void inference_set_current(uint16_t index) {
    printf(index == INFERENCE_NONE ? "none " : "at%u ", index);
}

int commands_are_paused(void) {
    return paused;
}

int32_t network_stage(uint16_t stage, uint32_t times, const uint8_t *pixels, q7_t *output) {
    network_memory memory = inference_memory();
    printf(pixels == memory.input && output == memory.output ? "s%u*%u " : "WRONG%u*%u ", stage,
           times);
    ticks += 10ull * times;
    return stage == failing_stage ? -3 : 0;
}

void port_marker(int level) {
    printf(level ? "up " : "down ");
}

void port_counter_start(void) {
    ticks = 0;
}

uint64_t port_counter_stop(void) {
    return ticks;
}

void server_accept(void) {
    printf("accepted ");
}

void server_reply(const uint8_t *data, uint8_t length) {
    printf("reply");
    for (uint8_t i = 0; i < length; i++) {
        printf(" %02x", data[i]);
    }
    printf("\n");
}

void server_reply_status(uint8_t status) {
    server_reply(&status, 1);
}

int main(int argc, char **argv) {
    char line[64];
    paused = argc > 1 && strcmp(argv[1], "paused") == 0;
    failing_stage = argc > 1 && strcmp(argv[1], "fails") == 0 ? 1 : -1;
    while (fgets(line, sizeof line, stdin) != NULL) {
        uint8_t payload[16];
        unsigned value;
        uint16_t length = 0;
        if (line[0] == 'S') {
            measure_session();
            printf("session\n");
            continue;
        }
        for (char *at = line; sscanf(at, "%2x", &value) == 1; at += 2) {
            payload[length++] = (uint8_t)value;
        }
        frame request = {.length = length, .payload = payload};
        measure(&request);
    }
    return 0;
}
