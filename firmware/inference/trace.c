#include "trace.h"
#include "commands.h"
#include "crc32.h"
#include "deployment.h"
#include "frame.h"
#include "inference.h"
#include "network.h"
#include "plane_crc.h"
#include <string.h>

uint8_t network_tracing;
static uint8_t active_flags;

void trace_begin(uint8_t flags) {
    active_flags = flags;
    network_tracing = 1;
}

void trace_stage(uint16_t stage, const q7_t *tensor, uint32_t bytes) {
    if (tensor == NULL) {
        return;
    }
    stage_record *record = inference_record(stage);
    record->bytes = bytes;
    if (active_flags & INFER_CRC) {
        record->crc32 = crc32_update(0, tensor, bytes);
    }
    if (active_flags & INFER_PAUSE) {
        inference_offer(PAUSED_TENSOR, stage, (region){(const uint8_t *)tensor, bytes});
    }
}

#if NETWORK_HAS_PLANES
#define HEAD_BYTES 8u

static uint8_t batch[DEPLOYMENT_TRACE_BYTES];
static uint32_t used;

static void offer_batch(uint16_t stage) {
    if (used > 0) {
        inference_offer(PAUSED_PLANES, stage, (region){batch, used});
        used = 0;
    }
}

static void add_to_batch(network_plane plane, const q7_t *data) {
    uint32_t bytes = HEAD_BYTES + (uint32_t)plane.width * plane.height;
    if (bytes > sizeof batch - used) {
        offer_batch(plane.stage);
    }
    uint8_t *next = batch + used;
    frame_put_u16(next, plane.stage);
    frame_put_u16(next + 2, plane.channel);
    frame_put_u16(next + 4, plane.height);
    frame_put_u16(next + 6, plane.width);
    next += HEAD_BYTES;
    for (uint32_t row = 0; row < plane.height; row++) {
        memcpy(next + row * plane.width, data + row * plane.pitch, plane.width);
    }
    used += bytes;
}

void network_plane_done(network_plane plane, const q7_t *data) {
    stage_record *record = inference_record(plane.stage);
    record->bytes += (uint32_t)plane.width * plane.height;
    if (active_flags & INFER_CRC) {
        record->crc32 = plane_crc_add(record->crc32, plane, data);
    }
    if (active_flags & INFER_PAUSE) {
        add_to_batch(plane, data);
    }
}

void trace_end(void) {
    offer_batch(NETWORK_STAGES - 1);
    network_tracing = 0;
}
#else
void trace_end(void) {
    network_tracing = 0;
}
#endif
