#include "q15_window.h"
#include <string.h>

/* One window into one of two columns that alternate word by word; taps outside the image are not
 * written. */
static void gather(const q15_convolution *c, const q15_line *line, q15_span across, q15_t *column) {
    uint32_t ch_in = c->ch_in, in_pitch = c->x.in * ch_in;
    const q15_t *in = line->in + across.first * ch_in;
    column += 2 * across.skipped * ch_in;
    for (uint32_t row = 0; row < line->rows; row++) {
        const q15_t *next = in + row * in_pitch;
        q15_t *word = column + row * 2 * line->width;
        for (uint32_t words = across.inside * ch_in / 2; words; words--) {
            q7_write4(word, q7_read4(next));
            next += 2;
            word += 4;
        }
    }
}

/* The outputs of the windows at x and x + 1 of a line. */
static void two_windows(const q15_convolution *c, const q15_line *line, uint32_t x, q15_t *out) {
    q15_span a = q15_clip(&c->x, x), b = q15_clip(&c->x, x + 1);
    uint32_t ch_in = c->ch_in, kernel = c->x.kernel;
    if (a.inside == kernel && b.inside == kernel && q7_on_word(c->in)) {
        q15_interleave(line->in + a.first * ch_in, line->in + b.first * ch_in, line->width / 2,
                       line->rows, c->x.in * ch_in, c->columns);
    } else {
        memset(c->columns, 0, 2 * line->rows * line->width * sizeof *c->columns);
        gather(c, line, a, c->columns);
        gather(c, line, b, c->columns + 2);
    }
    q15_pass pass;
    q15_begin_line(&pass, c, line, out);
    q15_two_windows(&pass, c->ch_out);
}

void q15_convolve_two(const q15_convolution *c) {
    if (!q7_on_word(c->columns) || !q7_on_word(c->weights)) {
        q15_convolve_one(c);
        return;
    }
    q15_t *out = c->out;
    for (uint32_t y = 0; y < c->y.out; y++) {
        q15_line line = q15_line_at(c, y);
        uint32_t x = 0;
        for (; x + 1 < c->x.out; x += 2) {
            two_windows(c, &line, x, out);
            out += 2u * c->ch_out;
        }
        if (x < c->x.out) {
            q15_one_window(c, &line, x, out);
            out += c->ch_out;
        }
    }
}
