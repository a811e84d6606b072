#include "network_internal.h"

/* The maximum, or the mean truncated toward zero, of one channel of a window. */
static q7_t reduce(const network_call *call, network_range rows, network_range columns,
                   uint32_t channel) {
    uint32_t channels = call->shape.channels;
    int32_t sum = 0, largest = INT8_MIN;
    for (uint32_t y = rows.first; y < rows.stop; y++) {
        const q7_t *value = call->in + (y * call->shape.width + columns.first) * channels + channel;
        for (uint32_t x = columns.first; x < columns.stop; x++, value += channels) {
            sum += *value;
            largest = *value > largest ? *value : largest;
        }
    }
    int32_t taps = (int32_t)((rows.stop - rows.first) * (columns.stop - columns.first));
    return (q7_t)(call->layer->is_average ? sum / taps : largest);
}

void network_openmv_windows(const network_call *call) {
    const network_layer *layer = call->layer;
    q7_t *out = call->out;
    for (uint32_t y = 0; y < layer->out.height; y++) {
        network_range rows = network_span(layer, y, call->shape.height);
        for (uint32_t x = 0; x < layer->out.width; x++) {
            network_range columns = network_span(layer, x, call->shape.width);
            for (uint32_t channel = 0; channel < call->shape.channels; channel++) {
                *out++ = reduce(call, rows, columns, channel);
            }
        }
    }
}
