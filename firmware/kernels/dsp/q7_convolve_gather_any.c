#include "q7_convolve_widen.h"

/* Bytes on their way into a column: those that do not make four yet, from the lowest up. */
typedef struct {
    q15_t *column;
    uint32_t word;
    uint32_t bits;
} stream;

static inline void append_zeros(stream *s, uint32_t length) {
    s->bits += 8 * length;
    while (s->bits >= 32) {
        s->column = q7_widen_four(s->column, s->word);
        s->word = 0;
        s->bits -= 32;
    }
}

/* At least four bytes: the first ones complete a word, the last ones wait. */
static inline void append_words(stream *s, const q7_t *bytes, uint32_t length) {
    const q7_t *last = bytes + length - 4;
    s->column = q7_widen_four(s->column, s->word | q7_read4(bytes) << s->bits);
    bytes += 4 - (s->bits >> 3);
    while (bytes <= last) {
        q7_widen_next(&s->column, &bytes);
    }
    s->bits = 8 * (uint32_t)(last + 4 - bytes);
    s->word = q7_read4(last) >> 1 >> (31 - s->bits);
}

static inline void append(stream *s, const q7_t *bytes, uint32_t length) {
    if (length >= 4) {
        append_words(s, bytes, length);
        return;
    }
    for (; length; length--) {
        s->word |= (uint32_t)(uint8_t)*bytes++ << s->bits;
        append_zeros(s, 1);
    }
}

static inline void append_clipped(stream *s, const q7_window *window) {
    const q7_t *row = window->source;
    append_zeros(s, window->above);
    for (uint32_t rows = window->rows; rows; rows--) {
        append_zeros(s, window->left);
        append(s, row, window->inside);
        append_zeros(s, window->right);
        row += window->pitch;
    }
    append_zeros(s, window->below);
}

void q7_gather_any(const q7_window *window, uint32_t column, q15_t *columns) {
    stream s = {columns + 4 * column, 0, 0};
    if (window->inside < 4 || (window->above | window->below | window->left | window->right)) {
        append_clipped(&s, window);
    } else {
        const q7_t *row = window->source;
        for (uint32_t rows = window->rows; rows; rows--) {
            append_words(&s, row, window->inside);
            row += window->pitch;
        }
    }
    q15_t *rest = s.column - 3 * column;
    for (; s.bits; s.bits -= 8) {
        *rest = (q7_t)s.word;
        s.word >>= 8;
        rest += 2;
    }
}
