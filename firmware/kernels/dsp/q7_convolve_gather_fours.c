#include "q7_convolve_widen.h"

static inline q15_t *zero_fours(q15_t *column, uint32_t length) {
    for (; length; length -= 4) {
        column = q7_widen_four(column, 0);
    }
    return column;
}

static inline q15_t *widen_fours(q15_t *column, const q7_t *bytes, uint32_t length) {
    const q7_t *end = bytes + length;
    while (end - bytes >= 16) {
        q7_widen_next(&column, &bytes);
        q7_widen_next(&column, &bytes);
        q7_widen_next(&column, &bytes);
        q7_widen_next(&column, &bytes);
    }
    while (bytes != end) {
        q7_widen_next(&column, &bytes);
    }
    return column;
}

void q7_gather_fours(const q7_window *window, q15_t *column) {
    const q7_t *row = window->source;
    column = zero_fours(column, window->above);
    for (uint32_t rows = window->rows; rows; rows--) {
        column = zero_fours(column, window->left);
        column = widen_fours(column, row, window->inside);
        column = zero_fours(column, window->right);
        row += window->pitch;
    }
    (void)zero_fours(column, window->below);
}
