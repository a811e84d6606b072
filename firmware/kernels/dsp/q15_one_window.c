#include "q15_window.h"
#include <string.h>

static inline void copy(const q15_t *in, uint32_t length, q15_t *out) {
    for (uint32_t words = length >> 1; words; words--) {
        q7_write4(out, q7_read4(in));
        in += 2;
        out += 2;
    }
    if (length & 1u) {
        *out = *in;
    }
}

/* The window into one column; taps outside the image are zero. */
static inline void gather(const q15_convolution *c, const q15_line *line, q15_span across) {
    uint32_t ch_in = c->ch_in, in_pitch = c->x.in * ch_in;
    const q15_t *in = line->in + across.first * ch_in;
    q15_t *column = c->columns;
    if (across.inside < c->x.kernel) {
        memset(column, 0, line->rows * line->width * sizeof *column);
        column += across.skipped * ch_in;
    }
    for (uint32_t row = 0; row < line->rows; row++) {
        copy(in + row * in_pitch, across.inside * ch_in, column + row * line->width);
    }
}

void q15_one_window(const q15_convolution *c, const q15_line *line, uint32_t x, q15_t *out) {
    gather(c, line, q15_clip(&c->x, x));
    q15_pass pass;
    q15_begin_line(&pass, c, line, out);
    q15_rows(&pass, c->ch_out);
}
