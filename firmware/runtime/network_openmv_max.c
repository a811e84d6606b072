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
 * the others are compared. A window that would begin left of the image begins there instead. */
static void pool_row(q7_t *row, const network_call *call) {
    const network_layer *layer = call->layer;
    uint32_t channels = call->shape.channels;
    for (uint32_t i = 0; i < layer->out.width; i++) {
        uint32_t begin = i * layer->stride, stop = begin + layer->kernel - layer->padding;
        uint32_t first = begin < layer->padding ? i : begin - layer->padding;
        stop = stop < call->shape.width ? stop : call->shape.width;
        q7_t *target = row + i * channels;
        memmove(target, row + first * channels, channels);
        for (uint32_t column = first + 1; column < stop; column++) {
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
        uint32_t begin = i * layer->stride, stop = begin + layer->kernel - layer->padding;
        uint32_t first = begin < layer->padding ? 0 : begin - layer->padding;
        stop = stop < call->shape.height ? stop : call->shape.height;
        memcpy(out, call->in + first * pitch, bytes);
        for (uint32_t y = first + 1; y < stop; y++) {
            max_into(out, call->in + y * pitch, compared(bytes));
        }
    }
}
