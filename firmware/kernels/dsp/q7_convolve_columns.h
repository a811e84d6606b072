/* Two windows of the image, widened to 16 bits and interleaved: what the inner loop reads.
 *
 * Four values k of both columns fill 16 bytes: column 0 as the pairs (k0, k2) and (k1, k3), then
 * column 1 likewise. The one to three values behind the last four are pairs of both columns.
 */
#ifndef QRIG_Q7_CONVOLVE_COLUMNS_H
#define QRIG_Q7_CONVOLVE_COLUMNS_H

#include "q7_convolution.h"

/* The part of a window that lies inside the image, and what surrounds it; lengths in bytes. */
typedef struct {
    const q7_t *source; /* its first byte */
    uint32_t pitch;     /* from one of its rows to the next */
    uint32_t rows;      /* number of its rows */
    uint32_t above;     /* padding above it */
    uint32_t below;
    uint32_t left;   /* padding left of each row */
    uint32_t inside; /* length of each row */
    uint32_t right;
} q7_window;

/* Write a window of channels in fours as a column, from its first pair on. */
void q7_gather_fours(const q7_window *window, q15_t *column);

/* Write any window as column 0 or 1. */
void q7_gather_any(const q7_window *window, uint32_t column, q15_t *columns);

/* All rows of weights with both columns: column 0 to out, column 1 to the pixel gap bytes behind
 * it. If gap is 0, column 1 may hold anything. length is that of a column. */
void q7_dot_columns(const q7_convolution *call, uint32_t length, q7_t *out, uint32_t gap);

#endif
