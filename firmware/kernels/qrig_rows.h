/* The row kernel of the fast path in portable C; qrig writes it as assembler for a core. */
#ifndef QRIG_ROWS_H
#define QRIG_ROWS_H

#include <stdint.h>

/* What a row kernel is made for: see qrig_rows. */
typedef struct {
    uint8_t rows;    /* outputs: a block of rows of one channel */
    uint8_t taps;    /* weights along y */
    int16_t start;   /* image row of the window's first row; below 0 above the image */
    uint16_t height; /* rows of the image */
    uint16_t pairs;  /* pairs of channels */
    uint8_t odd;     /* whether a channel is left over */
    uint8_t points;  /* products per output row */
} qrig_rows_shape;

/* For every point t and row p: the sum over channels and taps k of weights[t][channel][k] times
 * data[t][channel][start + p + k], modulo 2^32; rows outside the image count as zero.
 *
 * data holds, point by point, a column of height words for every pair of channels, and for a
 * channel left over height + 1 words of two rows: word i has rows i - 1 and i. It points at the
 * first row of the window inside the image. weights holds taps words a pair, and (taps + 1) / 2
 * words of two taps for a channel left over. products is points x rows.
 */
#ifdef __cplusplus
extern "C" {
#endif
void qrig_rows(const uint32_t *data, const uint32_t *weights, int32_t *products,
               const qrig_rows_shape *shape);
#ifdef __cplusplus
}
#endif

#endif
