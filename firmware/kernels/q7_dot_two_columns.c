#include "q7_internal.h"
#include "q7_simd.h"

/* Two rows of weights with two columns: each word loaded feeds two products. */
static void two_rows(const q15_t *columns, const q7_t *weights, uint32_t length, int32_t acc[4]) {
    const q7_t *row_0 = weights;
    const q7_t *row_1 = weights + length;
    const q15_t *column_0 = columns;
    const q15_t *column_1 = columns + length;
    int32_t acc_00 = acc[0], acc_01 = acc[0], acc_10 = acc[1], acc_11 = acc[1];
    for (uint32_t fours = length >> 2; fours; fours--) {
        uint32_t word_0 = q7_read4(row_0);
        uint32_t word_1 = q7_read4(row_1);
        uint32_t x_0 = q7_read4(column_0);
        uint32_t x_1 = q7_read4(column_1);
        uint32_t even_0 = q7_sxtb16(word_0), even_1 = q7_sxtb16(word_1);
        acc_00 = q7_smlad(even_0, x_0, acc_00);
        acc_01 = q7_smlad(even_0, x_1, acc_01);
        acc_10 = q7_smlad(even_1, x_0, acc_10);
        acc_11 = q7_smlad(even_1, x_1, acc_11);
        uint32_t odd_0 = q7_sxtb16(q7_rotate8(word_0)), odd_1 = q7_sxtb16(q7_rotate8(word_1));
        x_0 = q7_read4(column_0 + 2);
        x_1 = q7_read4(column_1 + 2);
        acc_00 = q7_smlad(odd_0, x_0, acc_00);
        acc_01 = q7_smlad(odd_0, x_1, acc_01);
        acc_10 = q7_smlad(odd_1, x_0, acc_10);
        acc_11 = q7_smlad(odd_1, x_1, acc_11);
        row_0 += 4;
        row_1 += 4;
        column_0 += 4;
        column_1 += 4;
    }
    for (uint32_t rest = length & 3u; rest; rest--) {
        acc_00 = q7_mla(acc_00, *row_0, *column_0);
        acc_01 = q7_mla(acc_01, *row_0++, *column_1);
        acc_10 = q7_mla(acc_10, *row_1, *column_0++);
        acc_11 = q7_mla(acc_11, *row_1++, *column_1++);
    }
    acc[0] = acc_00;
    acc[1] = acc_01;
    acc[2] = acc_10;
    acc[3] = acc_11;
}

void q7_dot_two_columns(const q15_t *columns, const q7_t *weights, uint32_t length, uint16_t rows,
                        q7_output output, q7_t *out_0, q7_t *out_1) {
    uint32_t row = 0;
    for (; row + 1 < rows; row += 2) {
        int32_t acc[4] = {q7_start(output, row), q7_start(output, row + 1), 0, 0};
        two_rows(columns, weights + row * length, length, acc);
        out_0[row] = (q7_t)q7_saturate(acc[0] >> output.out_shift);
        out_1[row] = (q7_t)q7_saturate(acc[1] >> output.out_shift);
        out_0[row + 1] = (q7_t)q7_saturate(acc[2] >> output.out_shift);
        out_1[row + 1] = (q7_t)q7_saturate(acc[3] >> output.out_shift);
    }
    if (row < rows) {
        q7_output last = {output.bias + row, output.bias_shift, output.out_shift};
        q7_dot_one_column(columns, weights + row * length, length, 1, last, out_0 + row);
        q7_dot_one_column(columns + length, weights + row * length, length, 1, last, out_1 + row);
    }
}
