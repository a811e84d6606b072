/* Windows of a 16-bit convolution. */
#ifndef QRIG_Q15_WINDOW_H
#define QRIG_Q15_WINDOW_H

#include "q15_pass.h"

/* The part of a window along one axis that lies inside the image, if any does: so many taps are
 * skipped before it, and its first lies at first. */
typedef struct {
    uint32_t skipped;
    uint32_t inside;
    uint32_t first;
} q15_span;

/* Unsigned throughout: position * stride takes up to 32 bits. */
static inline q15_span q15_clip(const q7_axis *axis, uint32_t position) {
    uint32_t start = position * axis->stride;
    uint32_t skipped = start < axis->padding ? axis->padding - start : 0;
    uint32_t first = start < axis->padding ? 0 : start - axis->padding;
    if (skipped >= axis->kernel || first >= axis->in) {
        return (q15_span){0, 0, 0};
    }
    uint32_t inside = axis->kernel - skipped, room = axis->in - first;
    return (q15_span){skipped, inside < room ? inside : room, first};
}

/* What the windows of one line of outputs share: rows of the image, and their weights. Rows outside
 * the image are left out. width is that of a row of a window, in elements. */
typedef struct {
    const q15_t *in;
    const q15_t *weights;
    uint32_t rows;
    uint32_t width;
} q15_line;

static inline q15_line q15_line_at(const q15_convolution *c, uint32_t y) {
    q15_span down = q15_clip(&c->y, y);
    uint32_t width = (uint32_t)c->x.kernel * c->ch_in;
    return (q15_line){c->in + (size_t)down.first * c->x.in * c->ch_in,
                      c->weights + down.skipped * width, down.inside, width};
}

/* The outputs of the window at x of a line. */
void q15_one_window(const q15_convolution *c, const q15_line *line, uint32_t x, q15_t *out);

/* Two columns into one, word by word in turn: rows of so many words, in_pitch elements apart. All
 * addresses lie on words. */
void q15_interleave(const q15_t *in_0, const q15_t *in_1, uint32_t words, uint32_t rows,
                    uint32_t in_pitch, q15_t *columns);

/* A pass of the windows gathered in c->columns over the weights of a line. */
static inline void q15_begin_line(q15_pass *pass, const q15_convolution *c, const q15_line *line,
                                  q15_t *out) {
    q15_begin(pass, c->columns, line->weights, line->rows * line->width, c->bias, c->bias_shift,
              c->out_shift, out);
    pass->pitch = c->y.kernel * line->width;
}

#endif
