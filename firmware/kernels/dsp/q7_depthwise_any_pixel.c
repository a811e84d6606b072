#include "q7_convolution_span.h"
#include "q7_depthwise_part.h"
#include "q7_depthwise_pixels.h"

/* So many channels of four or more. */
static void in_fours(q7_part *part, uint32_t count) {
    part->fours = count >> 2;
    if (part->fours) {
        q7_depthwise_part(part);
    }
    if (count & 3u) { /* with some that are done already, to make four */
        uint32_t back = 4 - (count & 3u);
        part->bias -= back;
        part->out -= back;
        part->row -= back;
        part->weights -= back;
        part->fours = 1;
        q7_depthwise_part(part);
    }
}

void q7_depthwise_any_pixel(const q7_convolution *call, uint32_t first_y, uint32_t first_x,
                            uint32_t channel, q7_t *out) {
    uint32_t ch = call->ch_in;
    q7_span down = q7_clip(&call->y, first_y);
    q7_span across = q7_clip(&call->x, first_x);
    uint32_t row_bytes = across.inside * ch;
    uint32_t source = (down.first * call->x.in + across.first) * ch + row_bytes;
    uint32_t weights = (down.before * call->x.kernel + across.before) * ch + row_bytes;
    q7_part part = {
        .bias = call->bias + channel,
        .out = out + channel,
        .row = call->in + source + channel,
        .weights = call->weights + weights + channel,
        .bias_shift = call->bias_shift,
        .rounding = q7_rounding(call->out_shift),
        .ch = ch,
        .row_start = -(int32_t)row_bytes,
        .pitch = call->x.in * ch,
        .weights_pitch = call->x.kernel * ch,
        .out_shift = call->out_shift,
        .rows = row_bytes ? down.inside : 0,
    };
    if (ch >= 4) {
        in_fours(&part, ch - channel);
        return;
    }
    for (; channel < ch; channel++) {
        q7_depthwise_part_channel(&part);
    }
}
