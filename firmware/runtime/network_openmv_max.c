#include "network_internal.h"
#include <string.h>

/* The comparison went over four bytes at a time and left out those that were no full four. */
static uint32_t compared(uint32_t bytes) {
    return bytes & ~3u;
}

static void max_into(q7_t *target, const q7_t *source, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; i++) {
        target[i] = source[i] > target[i] ? source[i] : target[i];
    }
}

/* One row along x, in place: the first pixel of a window is copied to where the result goes, then
 * the others are compared. No window begins before that place: padding is less than the stride. */
static void pool_row(q7_t *row, const network_call *call) {
    const network_layer *layer = call->layer;
    uint32_t channels = call->shape.channels;
    for (uint32_t i = 0; i < layer->out.width; i++) {
        network_range columns = network_span(layer, i, call->shape.width);
        q7_t *target = row + i * channels;
        memmove(target, row + columns.first * channels, channels);
        for (uint32_t column = columns.first + 1; column < columns.stop; column++) {
            max_into(target, row + column * channels, compared(channels));
        }
    }
}

/* Along x in every row, then along y, where the first row is copied. */
void network_openmv_max(const network_call *call) {
    const network_layer *layer = call->layer;
    uint32_t pitch = (uint32_t)call->shape.width * call->shape.channels;
    uint32_t bytes = (uint32_t)layer->out.width * call->shape.channels;
    q7_t *out = call->out;
    for (uint32_t y = 0; y < call->shape.height; y++) {
        pool_row(call->in + y * pitch, call);
    }
    for (uint32_t i = 0; i < layer->out.height; i++, out += bytes) {
        network_range rows = network_span(layer, i, call->shape.height);
        memcpy(out, call->in + rows.first * pitch, bytes);
        for (uint32_t y = rows.first + 1; y < rows.stop; y++) {
            max_into(out, call->in + y * pitch, compared(bytes));
        }
    }
}
