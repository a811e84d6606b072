/* Where the weights of the interleaved fully connected layers lie. */
#ifndef QRIG_FC_PLACE_H
#define QRIG_FC_PLACE_H

#include "fc_internal.h"

/* A matrix, and how it is interleaved: four rows by four columns of 8 bits, by two of 8 bits, or
 * by two of 16 bits. */
typedef enum { FC_BY_FOUR, FC_BY_TWO, FC_BY_TWO_WIDE } fc_blocks;

/* Position of row and column inside their block. */
static inline uint32_t fc_place_in_block(uint32_t row, uint32_t column, fc_blocks blocks) {
    switch (blocks) {
    case FC_BY_FOUR: /* even columns before odd ones, rows in pairs */
        return column % 2 * 8 + row / 2 * 4 + column / 2 * 2 + row % 2;
    case FC_BY_TWO:
        return row / 2 * 4 + column * 2 + row % 2;
    default:
        return row * 2 + column;
    }
}

/* Index of a weight. Rows beyond the last four are not interleaved; columns beyond the last block
 * follow one by one, four rows of each. */
static inline uint32_t fc_place(uint32_t row, uint32_t column, uint32_t rows, uint32_t columns,
                                fc_blocks blocks) {
    uint32_t width = blocks == FC_BY_FOUR ? 4 : 2;
    uint32_t group = row - row % 4;
    if (group + 4 > rows) {
        return row * columns + column;
    }
    uint32_t block = column - column % width;
    uint32_t start = group * columns + block * 4;
    if (block + width > columns) {
        return start + (column - block) * 4 + row % 4;
    }
    return start + fc_place_in_block(row % 4, column % width, blocks);
}

#endif
