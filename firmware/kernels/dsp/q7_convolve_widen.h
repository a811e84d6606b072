/* Bytes to their place in a column (q7_convolve_columns.h), as 16 bits. */
#ifndef QRIG_Q7_CONVOLVE_WIDEN_H
#define QRIG_Q7_CONVOLVE_WIDEN_H

#include "q7_convolve_columns.h"
#include "q7_simd.h"

/* Four bytes; returns the place of the next four. */
static inline q15_t *q7_widen_four(q15_t *column, uint32_t word) {
#if QRIG_DSP
    uint32_t even;
    __asm volatile("sxtb16 %[even], %[word]\n\t"
                   "sxtb16 %[word], %[word], ror #8\n\t"
                   "strd %[even], %[word], [%[column]], #16"
                   : [even] "=&r"(even), [word] "+r"(word), [column] "+r"(column)
                   :
                   : "memory");
    return column;
#else
    q7_write4(column, q7_sxtb16(word));
    q7_write4(column + 2, q7_sxtb16_odd(word));
    return column + 8;
#endif
}

/* The next four bytes; moves on both. */
static inline void q7_widen_next(q15_t **column, const q7_t **bytes) {
#if QRIG_DSP
    uint32_t even, odd;
    __asm volatile(
        "ldr %[odd], [%[bytes]], #4\n\t"
        "sxtb16 %[even], %[odd]\n\t"
        "sxtb16 %[odd], %[odd], ror #8\n\t"
        "strd %[even], %[odd], [%[column]], #16"
        : [even] "=&r"(even), [odd] "=&r"(odd), [column] "+r"(*column), [bytes] "+r"(*bytes)
        :
        : "memory");
#else
    *column = q7_widen_four(*column, q7_read4(*bytes));
    *bytes += 4;
#endif
}

#endif
