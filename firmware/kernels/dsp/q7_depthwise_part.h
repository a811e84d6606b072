/* The part of a window that lies inside the image, with its weights and outputs. */
#ifndef QRIG_Q7_DEPTHWISE_PART_H
#define QRIG_Q7_DEPTHWISE_PART_H

#include "q7_convolution.h"
#include "q7_simd.h"

typedef struct {
    const q7_t *bias; /* of the next channels, as are out, row and weights */
    q7_t *out;
    const q7_t *row; /* the end of the part's first row */
    const q7_t *weights;
    uint32_t bias_shift;
    uint32_t rounding;
    uint32_t ch;       /* from a tap to the next in its row, in bytes */
    int32_t row_start; /* of a row, from its end: 0 or negative */
    uint32_t pitch;    /* from a row to the next */
    uint32_t weights_pitch;
    uint32_t out_shift;
    uint32_t fours; /* to go */
    uint32_t rows;
} q7_part;

/* As many channels in fours as the part says, at least once; moves on to the channels behind. */
void q7_depthwise_part(q7_part *part);

/* One channel; moves on to the next. */
static inline void q7_depthwise_part_channel(q7_part *part) {
    uint32_t start = (uint32_t)(int32_t)*part->bias++ << part->bias_shift;
    int32_t sum = (int32_t)(start + part->rounding);
    const q7_t *row = part->row++;
    const q7_t *w = part->weights++;
    for (uint32_t rows = part->rows; rows; rows--) {
        for (int32_t i = part->row_start; i; i += (int32_t)part->ch) {
            sum = q7_mla(sum, row[i], w[i]);
        }
        row += part->pitch;
        w += part->weights_pitch;
    }
    *part->out++ = (q7_t)q7_saturate(sum >> part->out_shift);
}

#endif
