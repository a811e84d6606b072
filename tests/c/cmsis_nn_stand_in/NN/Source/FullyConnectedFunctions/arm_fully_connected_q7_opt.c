#include "arm_nnsupportfunctions.h"

/* Where a weight lies in blocks of 4 rows x 4 columns, then 4 rows x 1, then row by row. */
static int place(int row, int column, int rows, int columns) {
    static const int order[4][4] = {{0, 8, 2, 10}, {1, 9, 3, 11}, {4, 12, 6, 14}, {5, 13, 7, 15}};
    int block = (row & ~3) * columns;
    if (row >= (rows & ~3)) {
        return row * columns + column;
    }
    if (column >= (columns & ~3)) {
        return block + column * 4 + (row & 3);
    }
    return block + (column & ~3) * 4 + order[row & 3][column & 3];
}

arm_status arm_fully_connected_q7_opt(const q7_t *vec, const q7_t *weights, uint16_t dim_vec,
                                      uint16_t rows, uint16_t bias_shift, uint16_t out_shift,
                                      const q7_t *bias, q7_t *out, q15_t *vec_buffer) {
    (void)vec_buffer;
    for (int row = 0; row < rows; row++) {
        int32_t sum = bias[row] * (1 << bias_shift) + ROUND(out_shift);
        for (int column = 0; column < dim_vec; column++) {
            sum += vec[column] * weights[place(row, column, rows, dim_vec)];
        }
        out[row] = saturate(sum >> out_shift);
    }
    return ARM_MATH_SUCCESS;
}
