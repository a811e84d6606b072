/* Words of two 16-bit lanes, made from 8-bit values.
 *
 * A word is linear if it is lo + 65536 * hi as an integer: sums and multiples of linear words are
 * linear again. It is packed if each lane holds its value, which is what multiplications take.
 */
#ifndef QRIG_LANES_H
#define QRIG_LANES_H

#include "arm_nnfunctions.h"
#include "q7_simd.h"

/* Words that share their memory with tensors of other types. */
#if defined(__GNUC__)
typedef uint32_t __attribute__((may_alias)) qrig_word;
#else
typedef uint32_t qrig_word;
#endif

/* Linear to packed: a negative low lane has borrowed one from the high lane. */
static inline uint32_t lanes_pack(uint32_t linear) {
    uint32_t sign = linear & 0x8000u;
#if QRIG_DSP
    /* Two instructions; the compiler makes three of it. */
    __asm("add %0, %0, %1, lsl #1" : "+r"(linear) : "r"(sign));
    return linear;
#else
    return linear + (sign << 1);
#endif
}

/* The linear word of two values. */
static inline uint32_t lanes_join(q7_t low, q7_t high) {
    return (uint32_t)low + ((uint32_t)high << 16);
}

/* The low lanes of two words, and the high ones. */
static inline uint32_t lanes_low(uint32_t low, uint32_t high) {
    return (low & 0xffffu) | high << 16;
}

static inline uint32_t lanes_high(uint32_t low, uint32_t high) {
    return low >> 16 | (high & 0xffff0000u);
}

/* Bytes 0 and 2 of a word as lanes, and bytes 1 and 3. */
static inline uint32_t lanes_even(uint32_t word) {
    return word & 0x00ff00ffu;
}

static inline uint32_t lanes_odd(uint32_t word) {
    return word >> 8 & 0x00ff00ffu;
}

/* The same value, of which the compiler no longer knows how it was made: it stays in a register. */
static inline uint32_t lanes_opaque(uint32_t value) {
#if defined(__GNUC__)
    __asm("" : "+r"(value));
#endif
    return value;
}

static inline qrig_word *lanes_pointer(qrig_word *pointer) {
#if defined(__GNUC__)
    __asm("" : "+r"(pointer));
#endif
    return pointer;
}

/* Copy words, eight at a time: up to seven words more than `count`. */
static inline void lanes_copy(uint32_t *to, const uint32_t *from, uint32_t count) {
    for (uint32_t i = 0; i < count; i += 8) {
#if QRIG_DSP
        __asm volatile("ldmia %1!, {r2, r3, r4, r5}\n\tstmia %0!, {r2, r3, r4, r5}\n\t"
                       "ldmia %1!, {r2, r3, r4, r5}\n\tstmia %0!, {r2, r3, r4, r5}"
                       : "+r"(to), "+r"(from)
                       :
                       : "r2", "r3", "r4", "r5", "memory");
#else
        memcpy(to, from, 8 * sizeof *to);
        to += 8;
        from += 8;
#endif
    }
}

/* Linear words of `width` values, `step` apart, of two sequences; either may be NULL for zeros. */
static inline void lanes_of_values(const q7_t *low, const q7_t *high, uint32_t step, uint32_t width,
                                   uint32_t *out) {
    for (uint32_t x = 0; x < width; x++) {
        out[x] = lanes_join(low ? low[x * step] : 0, high ? high[x * step] : 0);
    }
}

/* The same of two rows of values of at least 0, four at a time; both rows are 4-aligned. */
static inline void lanes_of_rows(const q7_t *low, const q7_t *high, uint32_t width, uint32_t *out) {
    for (uint32_t x = 0; x < width; x += 4, out += 4) {
        uint32_t a = q7_read4(low + x), b = q7_read4(high + x);
        uint32_t a_even = lanes_even(a), b_even = lanes_even(b);
        uint32_t a_odd = lanes_odd(a), b_odd = lanes_odd(b);
        out[0] = lanes_low(a_even, b_even);
        out[1] = lanes_low(a_odd, b_odd);
        out[2] = lanes_high(a_even, b_even);
        out[3] = lanes_high(a_odd, b_odd);
    }
}

/* Two bytes to an even address. */
static inline void lanes_write2(q7_t *address, uint16_t pair) {
    memcpy(address, &pair, sizeof pair);
}

/* value >> shift, in 0..127 (an output with its ReLU) or in -128..127. */
static inline uint32_t lanes_u7(uint32_t value, uint32_t shift) {
    int32_t shifted = (int32_t)value >> shift;
    shifted = shifted < 0 ? 0 : shifted;
    return (uint32_t)(shifted > 127 ? 127 : shifted);
}

static inline uint32_t lanes_q7(uint32_t value, uint32_t shift) {
    int32_t shifted = (int32_t)value >> shift;
    shifted = shifted < -128 ? -128 : shifted;
    return (uint32_t)(shifted > 127 ? 127 : shifted);
}

#endif
