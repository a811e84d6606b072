/* Where a window meets the image along one axis. */
#ifndef QRIG_Q7_CONVOLUTION_SPAN_H
#define QRIG_Q7_CONVOLUTION_SPAN_H

#include "q7_convolution.h"

/* Taps before the image, inside and behind it, and the first row or column inside. */
typedef struct {
    uint32_t before;
    uint32_t inside;
    uint32_t after;
    uint32_t first;
} q7_span;

/* first is where the window starts, modulo 2^32: before the image, it is a large number. */
static inline q7_span q7_clip(const q7_side *side, uint32_t first) {
    uint32_t before = 0;
    if (first >= side->in) {
        before = 0u - first;
        if (before >= side->kernel) {
            return (q7_span){side->kernel, 0, 0, 0};
        }
        first = 0;
    }
    uint32_t inside = side->kernel - before;
    if (inside > side->in - first) {
        inside = side->in - first;
    }
    return (q7_span){before, inside, side->kernel - before - inside, first};
}

/* How many places a window has that lies inside the image. */
static inline uint32_t q7_inner_places(const q7_side *side) {
    return side->in < side->kernel ? 0 : side->in - side->kernel + 1;
}

#endif
