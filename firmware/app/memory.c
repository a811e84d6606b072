/* The memory of the network this firmware was generated for. */
#include "inference.h"
#include "network.h"

static uint8_t input[NETWORK_INPUT_BYTES];
static q7_t output[NETWORK_OUTPUT_BYTES];
static stage_record records[NETWORK_STAGES];

network_memory inference_memory(void) {
    return (network_memory){input, sizeof input, output, sizeof output, records, NETWORK_STAGES};
}
