/* Filling a part of the arena, so that large tensors need not be sent.
 *
 * The request: offset u32, count u32 of elements, value u32, columns u16, element_bytes u8 (1 or
 * 2), kind u8, shift u8, order u8.
 *
 * FILL_CONSTANT stores value. FILL_SEQUENCE stores xorshift32 from the seed value: x ^= x << 13,
 * x ^= x >> 17, x ^= x << 5, then the upper 8 or 16 bits of x as a signed number, shifted right.
 *
 * The order of weights: as they come, or interleaved as a fully connected kernel reads a matrix of
 * count / columns rows (docs/kernels.md). */
#ifndef QRIG_FILL_H
#define QRIG_FILL_H

#include "frame.h"
#include <stdint.h>

enum {
    FILL_CONSTANT = 0,
    FILL_SEQUENCE = 1,
};

enum {
    ORDER_PLAIN = 0,
    ORDER_X4_Q7 = 1,    /* arm_fully_connected_q7_opt */
    ORDER_X4_MIXED = 2, /* arm_fully_connected_mat_q7_vec_q15_opt */
    ORDER_X4_Q15 = 3,   /* arm_fully_connected_q15_opt */
};

/* Do what the request says; returns a status. */
uint8_t fill_arena(const frame *request);

#endif
