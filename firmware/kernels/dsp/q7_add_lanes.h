/* Sums of tensors four at a time; each returns how many are done, the rest is the caller's. */
#ifndef QRIG_Q7_ADD_LANES_H
#define QRIG_Q7_ADD_LANES_H

#include "joins.h"
#include "q7_simd.h"

/* The largest shift behind which the byte of a sum lies in its lane of 16 bits. */
#define Q7_MAX_LANE_SHIFT 8u

/* Whether lanes of 16 bits hold the sums with their rounding. */
int q7_add_fits_lanes(const q7_terms *terms);

/* Two tensors that are not shifted, nor is their sum. */
uint32_t q7_add_bytes(const q7_terms *terms, q7_t *out);

/* Two tensors that are not shifted; their sum is. */
uint32_t q7_add_halves(const q7_terms *terms, q7_t *out);

/* Two tensors, or any number of them, whose sums fit lanes. */
uint32_t q7_add_two(const q7_terms *terms, q7_t *out);
uint32_t q7_add_lanes(const q7_terms *terms, q7_t *out);

/* The same value in both lanes. */
static inline uint32_t q7_both_lanes(uint32_t value) {
    return value | value << 16;
}

/* Four sums: bytes 0 and 2 of a word, and 1 and 3. */
typedef struct {
    uint32_t even;
    uint32_t odd;
} q7_four_sums;

/* The lanes that a left shift leaves its own bits, none of its neighbour's. */
static inline uint32_t q7_lane_mask(uint32_t shift) {
    return ~(((1u << shift) - 1u) << 16);
}

/* sums + word, each byte shifted left. */
static inline q7_four_sums q7_add_word(q7_four_sums sums, uint32_t word, uint32_t shift,
                                       uint32_t mask) {
    sums.even = q7_qadd16(sums.even, q7_sxtb16(word) << shift & mask);
    sums.odd = q7_qadd16(sums.odd, q7_sxtb16_odd(word) << shift & mask);
    return sums;
}

/* What, added to a lane with saturation, takes off all that is beyond a byte behind the shift. */
static inline uint32_t q7_byte_margins(uint32_t shift) {
    return q7_both_lanes((1u << 15) - (128u << shift));
}

static inline uint32_t q7_saturated_lanes(uint32_t lanes, uint32_t margins) {
    lanes = q7_qsub16(q7_qadd16(lanes, margins), margins);
    return q7_qadd16(q7_qsub16(lanes, margins), margins);
}

/* Sums within a byte, behind the shift, as a word. */
static inline uint32_t q7_word_of_sums(q7_four_sums sums, uint32_t shift) {
    return (sums.even >> shift & 0x00ff00ffu) | (sums.odd >> shift & 0x00ff00ffu) << 8;
}

#endif
