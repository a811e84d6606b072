/* Logistic function and hyperbolic tangent at -8, -8 + 1/16, ... 8 - 1/16.
 *
 * Entry k is floor(f((k - 128) / 16) * scale + 1/2), limited to the type, with scale 2^7 in q7 and
 * 2^15 in q15. The tables in 16 bits, which are read between their entries, have the last entry
 * twice: beyond it nothing is interpolated.
 */
#ifndef QRIG_NN_TABLES_H
#define QRIG_NN_TABLES_H

#include "arm_nnfunctions.h"

#define NN_TABLE_LENGTH 256
#define NN_TABLE_ZERO 128 /* the entry of f(0) */

/* Integer bits that the tables cover. */
#define NN_MAX_INT_WIDTH 3u

extern const q7_t nn_sigmoid_q7[NN_TABLE_LENGTH];
extern const q7_t nn_tanh_q7[NN_TABLE_LENGTH];
extern const q15_t nn_sigmoid_q15[NN_TABLE_LENGTH + 1];
extern const q15_t nn_tanh_q15[NN_TABLE_LENGTH + 1];

/* Each value x becomes the entry x >> shift behind that of f(0); shift is at most 3. */
void q7_activate(q7_t *data, uint32_t size, const q7_t *table, uint32_t shift);

/* The same in 16 bits, plus the part (x modulo 2^shift) / 2^shift of the step to the entry after
 * it, rounded down; shift is 8 to 11. */
void q15_activate(q15_t *data, uint32_t size, const q15_t *table, uint32_t shift);

#endif
