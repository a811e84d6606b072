#include "network_internal.h"
#include <string.h>

#define LEAST_PLAUSIBLE_SCALE 4u
#define MNIST_CORRECTION 7u /* OpenMV's 8 - n stands for 7 - n + 8 */

static uint8_t shift_of(const network_input *input, const qrig_network_options *options) {
    int is_historical =
        options->dialect == QRIG_NETWORK_CORRECT && input->scale < LEAST_PLAUSIBLE_SCALE;
    return (uint8_t)(input->scale + (is_historical ? MNIST_CORRECTION : 0));
}

qrig_network_status qrig_network_load(const void *file, uint32_t bytes,
                                      const qrig_network_options *options, void *arena,
                                      uint32_t arena_bytes, qrig_network *network,
                                      qrig_network_failure *failure) {
    network_summary summary;
    qrig_network_demand demand;
    qrig_network_status status = qrig_network_needs(file, bytes, options, &demand, failure);
    if (status != QRIG_NETWORK_OK) {
        return status;
    }
    if (demand.arena_bytes > arena_bytes || (uintptr_t)arena % QRIG_NETWORK_ALIGNMENT != 0) {
        return QRIG_NETWORK_ARENA;
    }
    (void)network_read(file, bytes, arena, &summary, failure);
    *network = (qrig_network){
        .layers = arena,
        .tensors = (q7_t *)arena + summary.table_bytes,
        .tensor_bytes = demand.arena_bytes - summary.table_bytes,
        .input = demand.input,
        .output = demand.output,
        .stages = demand.stages,
        .shift = shift_of(&summary.input, options),
        .is_openmv = options->dialect == QRIG_NETWORK_OPENMV,
    };
    memcpy(network->mean, summary.input.mean, sizeof network->mean);
    return QRIG_NETWORK_OK;
}
