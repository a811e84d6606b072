#include "q7_convolution_span.h"
#include "q7_depthwise_pixels.h"

/* Whether there is a table, and scratch it can stand in. */
static int has_table(const q7_convolution *call) {
    return call->x.kernel * call->y.kernel >= Q7_DEPTHWISE_TABLE_TAPS && call->ch_in >= 4 &&
           call->scratch != NULL && ((uintptr_t)call->scratch & 3u) == 0;
}

void q7_depthwise_image(const q7_convolution *call) {
    uint32_t ch = call->ch_in;
    uint32_t fours = ch & ~3u;
    uint32_t inner_x = has_table(call) ? q7_inner_places(&call->x) : 0;
    uint32_t inner_y = q7_inner_places(&call->y);
    int table_made = 0;
    q7_t *out = call->out;
    uint32_t first_y = 0u - call->y.padding;
    for (uint32_t y = call->y.out; y; y--, first_y += call->y.stride) {
        uint32_t first_x = 0u - call->x.padding;
        for (uint32_t x = call->x.out; x; x--, first_x += call->x.stride) {
            uint32_t done = 0;
            if (first_y < inner_y && first_x < inner_x) {
                if (!table_made) {
                    q7_depthwise_make_table(call);
                    table_made = 1;
                }
                const q7_t *window = call->in + (first_y * call->x.in + first_x) * ch;
                q7_depthwise_inner_pixel(call, window, out);
                done = fours;
            }
            if (done != ch) {
                q7_depthwise_any_pixel(call, first_y, first_x, done, out);
            }
            out += ch;
        }
    }
}
