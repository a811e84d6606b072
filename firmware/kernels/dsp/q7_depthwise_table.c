#include "q7_depthwise_pixels.h"
#include "q7_simd.h"

/* A walk over the taps of a window: where the next one is, in the image and among the weights. */
typedef struct {
    const q7_t *weights;
    uint32_t place;
    uint32_t column;
} walk;

static inline void step(const q7_convolution *call, walk *at) {
    at->weights += call->ch_in;
    at->place += call->ch_in;
    if (++at->column == call->x.kernel) {
        at->column = 0;
        at->place += (call->x.in - call->x.kernel) * call->ch_in;
    }
}

static q15_t *put(q15_t *table, uint32_t word) {
    q7_write4(table, word);
    return table + 2;
}

static q15_t *put_two_taps(const q7_convolution *call, walk *at, q15_t *table) {
    uint32_t w_0 = q7_read4(at->weights);
    table = put(table, at->place);
    step(call, at);
    uint32_t w_1 = q7_read4(at->weights);
    table = put(table, at->place);
    step(call, at);
    uint32_t low = q7_low_lanes(w_0, w_1);
    uint32_t high = q7_high_lanes(w_0, w_1);
    table = put(table, q7_sxtb16(low));
    table = put(table, q7_sxtb16_odd(low));
    table = put(table, q7_sxtb16(high));
    return put(table, q7_sxtb16_odd(high));
}

void q7_depthwise_make_table(const q7_convolution *call) {
    q15_t *table = call->scratch;
    uint32_t taps = call->x.kernel * call->y.kernel;
    for (uint32_t channel = 0; channel + 4 <= call->ch_in; channel += 4) {
        for (uint32_t i = 0; i < 4; i++) {
            table = put(table, (uint32_t)q7_convolution_start(call, channel + i));
        }
        walk at = {call->weights + channel, 0, 0};
        for (uint32_t twos = taps >> 1; twos; twos--) {
            table = put_two_taps(call, &at, table);
        }
        if (taps & 1u) {
            uint32_t word = q7_read4(at.weights);
            table = put(table, at.place);
            table = put(table, q7_sxtb16(word));
            table = put(table, q7_sxtb16_odd(word));
        }
    }
}
