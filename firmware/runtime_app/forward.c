#include "forward.h"
#include "commands.h"
#include "crc32.h"
#include "inference.h"
#include "loaded.h"
#include "network.h"

/* What the current run is of: an image, or the input if there is none. */
static struct {
    uint8_t is_open;
    qrig_network_image image;
    qrig_network_roi roi;
} shown;

/* The image of a request, its bytes in the arena; NULL for pixels that are not all there. */
static qrig_network_image image_of(const uint8_t *payload, uint32_t *bytes) {
    qrig_network_image image = {NULL, (qrig_network_format)payload[5], frame_u16(payload + 6),
                                frame_u16(payload + 8)};
    uint64_t size = qrig_network_image_bytes(image.format, image.width, image.height);
    *bytes = size <= UINT32_MAX ? (uint32_t)size : UINT32_MAX;
    image.pixels = loaded_image(0, *bytes);
    return image;
}

static void run(const frame *request, qrig_network_image image) {
    const uint8_t *region_of = request->payload + 10;
    shown.image = image;
    shown.roi = (qrig_network_roi){frame_u16(region_of), frame_u16(region_of + 2),
                                   frame_u16(region_of + 4), frame_u16(region_of + 6)};
    shown.is_open = 1;
    commands_run(request->payload[0]);
    shown.is_open = 0;
}

void forward(const frame *request) {
    if (request->length != 18) {
        server_reply_status(STATUS_BAD_REQUEST);
        return;
    }
    if (commands_are_paused() || loaded_network() == NULL) {
        server_reply_status(STATUS_BAD_STATE);
        return;
    }
    uint32_t bytes;
    qrig_network_image image = image_of(request->payload, &bytes);
    if (image.pixels == NULL) {
        server_reply_status(STATUS_BAD_REQUEST);
    } else if (crc32_update(0, image.pixels, bytes) != frame_u32(request->payload + 1)) {
        server_reply_status(STATUS_BAD_INPUT);
    } else {
        run(request, image);
    }
}

int32_t network_run(const uint8_t *pixels, q7_t *output) {
    int softmax = (inference_flags() & INFER_SOFTMAX) != 0;
    const qrig_network *network = loaded_network();
    if (shown.is_open) {
        return (int32_t)qrig_network_forward(network, &shown.image, &shown.roi, softmax, output);
    }
    return (int32_t)qrig_network_run(network, pixels, softmax, output);
}

int32_t network_stage(uint16_t stage, uint32_t times, const uint8_t *pixels, q7_t *output) {
    return (int32_t)qrig_network_stage(loaded_network(), stage, times, pixels, output);
}
