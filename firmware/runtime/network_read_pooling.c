#include "network_internal.h"

/* The kernels' sums of so many values fit 32 bits. */
#define MAX_PIXELS (1u << 24)

/* Whether a side of the result is what Caffe makes of a side of the image, rounded up as it does or
 * down, and every window begins inside the image. With padding, a last window that would begin
 * beyond the image and the padding in front of it is dropped. As padding is less than the stride,
 * the result is then no larger than the image. */
static int is_side(uint32_t out, uint32_t in, const network_layer *layer) {
    uint32_t span = in + 2u * layer->padding - layer->kernel;
    uint32_t steps = out - 1;
    uint32_t down = span / layer->stride, up = (span + layer->stride - 1) / layer->stride;
    uint32_t limit = (in + layer->padding - 1) / layer->stride;
    if (layer->padding != 0) {
        down = down < limit ? down : limit;
        up = up < limit ? up : limit;
    }
    return (steps == down || steps == up) && steps <= limit;
}

void network_read_pooling(network_reader *reader, network_record *record) {
    network_layer *layer = &record->layer;
    qrig_network_shape in = record->in, out = layer->out;
    layer->is_average = (uint8_t)network_number(reader, 0, 1, QRIG_NETWORK_WINDOW);
    uint32_t offset = reader->offset;
    network_read_window(reader, record);
    /* The result is written over the image: with more padding than this values would be gone before
     * they are read. */
    if (layer->padding != 0 &&
        (layer->padding >= layer->kernel || layer->padding >= layer->stride)) {
        network_fail(reader, QRIG_NETWORK_WINDOW, offset + 4);
    }
    if ((uint32_t)in.height * in.width > MAX_PIXELS) {
        network_fail(reader, QRIG_NETWORK_WINDOW, offset);
    }
    network_expect_shape(reader, record, out.height, out.width, in.channels);
    if (!is_side(out.height, in.height, layer)) {
        network_fail(reader, QRIG_NETWORK_SHAPE, record->shape_offset + 4);
    }
    if (!is_side(out.width, in.width, layer)) {
        network_fail(reader, QRIG_NETWORK_SHAPE, record->shape_offset + 8);
    }
}
