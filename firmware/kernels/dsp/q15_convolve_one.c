#include "q15_window.h"

void q15_convolve_one(const q15_convolution *c) {
    q15_t *out = c->out;
    for (uint32_t y = 0; y < c->y.out; y++) {
        q15_line line = q15_line_at(c, y);
        for (uint32_t x = 0; x < c->x.out; x++) {
            q15_one_window(c, &line, x, out);
            out += c->ch_out;
        }
    }
}
