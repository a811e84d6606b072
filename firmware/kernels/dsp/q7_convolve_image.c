#include "q7_convolution_span.h"
#include "q7_convolve_columns.h"

/* Write the window of an output pixel as column 0 or 1. */
static inline void gather(const q7_convolution *call, q7_window *window, const q7_t *row,
                          uint32_t first, uint32_t column) {
    uint32_t ch_in = call->ch_in;
    q7_span across = q7_clip(&call->x, first);
    window->source = row + across.first * ch_in;
    window->left = across.before * ch_in;
    window->inside = across.inside * ch_in;
    window->right = across.after * ch_in;
    if (ch_in & 3u) {
        q7_gather_any(window, column, call->scratch);
    } else {
        q7_gather_fours(window, call->scratch + 4 * column);
    }
}

/* Whether columns are worth their while (not for one weight), and can be loaded in words. */
static int has_columns(const q7_convolution *call, uint32_t length) {
    return length * call->ch_out > 1 && call->scratch != NULL &&
           ((uintptr_t)call->scratch & 3u) == 0;
}

void q7_convolve_image(const q7_convolution *call) {
    uint32_t row_bytes = call->x.kernel * call->ch_in;
    uint32_t length = row_bytes * call->y.kernel;
    if (!has_columns(call, length)) {
        q7_convolve_plain(call);
        return;
    }
    uint32_t column = 0;
    q7_t *out = call->out;
    q7_window window;
    window.pitch = call->x.in * call->ch_in;
    uint32_t first_y = 0u - call->y.padding;
    for (uint32_t y = call->y.out; y; y--) {
        q7_span down = q7_clip(&call->y, first_y);
        const q7_t *row = call->in + down.first * window.pitch;
        window.above = down.before * row_bytes;
        window.rows = down.inside;
        window.below = down.after * row_bytes;
        uint32_t first_x = 0u - call->x.padding;
        for (uint32_t x = call->x.out; x; x--) {
            gather(call, &window, row, first_x, column);
            if (column) {
                q7_dot_columns(call, length, out, call->ch_out);
                out += 2 * call->ch_out;
            }
            column ^= 1;
            first_x += call->x.stride;
        }
        first_y += call->y.stride;
    }
    if (column) {
        q7_dot_columns(call, length, out, 0);
    }
}
