/* The DSP instructions the kernels use, and what they mean in portable C. */
#ifndef QRIG_Q7_SIMD_H
#define QRIG_Q7_SIMD_H

#include <stdint.h>
#include <string.h>

#if defined(__ARM_FEATURE_DSP) && !defined(QRIG_PORTABLE)
#include <arm_acle.h>
#define QRIG_DSP 1
#else
#define QRIG_DSP 0
#endif

/* Whether address lies on a word: LDRD and LDM take no other. */
static inline int q7_on_word(const void *address) {
    return ((uintptr_t)address & 3u) == 0;
}

/* Four bytes from any address. */
static inline uint32_t q7_read4(const void *address) {
    uint32_t word;
    memcpy(&word, address, sizeof word);
    return word;
}

/* Two bytes from any address, and to it. */
static inline uint32_t q7_read2(const void *address) {
    uint16_t half;
    memcpy(&half, address, sizeof half);
    return half;
}

static inline void q7_write2(void *address, uint32_t value) {
    uint16_t half = (uint16_t)value;
    memcpy(address, &half, sizeof half);
}

/* Four bytes to any address. */
static inline void q7_write4(void *address, uint32_t word) {
    memcpy(address, &word, sizeof word);
}

/* acc + a * b modulo 2^32. */
static inline int32_t q7_mla(int32_t acc, int32_t a, int32_t b) {
    return (int32_t)((uint32_t)acc + (uint32_t)(a * b));
}

/* value limited to so many unsigned bits, a constant. */
#if QRIG_DSP
#define q7_usat(value, bits) ((uint32_t)__usat((value), (bits)))
#else
static inline uint32_t q7_usat(int32_t value, uint32_t bits) {
    int32_t top = (int32_t)((1u << bits) - 1);
    return (uint32_t)(value < 0 ? 0 : value > top ? top : value);
}
#endif

static inline int32_t q7_saturate(int32_t value) {
#if QRIG_DSP
    __asm("ssat %0, #8, %0" : "+r"(value));
    return value;
#else
    return value > 127 ? 127 : value < -128 ? -128 : value;
#endif
}

static inline int32_t q7_saturate16(int32_t value) {
#if QRIG_DSP
    __asm("ssat %0, #16, %0" : "+r"(value));
    return value;
#else
    return value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value;
#endif
}

/* value, saturated, to out. The store is assembly, too: GCC would merge neighbours into one, with
 * more instructions than that saves. */
static inline void q7_put8(int8_t *out, int32_t value) {
#if QRIG_DSP
    __asm("ssat %1, #8, %1\n\tstrb %1, %0" : "=m"(*out), "+r"(value));
#else
    *out = (int8_t)q7_saturate(value);
#endif
}

static inline void q7_put16(int16_t *out, int32_t value) {
#if QRIG_DSP
    __asm("ssat %1, #16, %1\n\tstrh %1, %0" : "=m"(*out), "+r"(value));
#else
    *out = (int16_t)q7_saturate16(value);
#endif
}

/* Bytes 0 and 2 of word as two signed halfwords. */
static inline uint32_t q7_sxtb16(uint32_t word) {
#if QRIG_DSP
    return (uint32_t)__sxtb16((int8x4_t)word);
#else
    return ((uint32_t)(int32_t)(int8_t)word & 0xffffu) | (uint32_t)(int8_t)(word >> 16) << 16;
#endif
}

/* acc + a.lo * b.lo + a.hi * b.hi modulo 2^32. */
static inline int32_t q7_smlad(uint32_t a, uint32_t b, int32_t acc) {
#if QRIG_DSP
    return __smlad((int16x2_t)a, (int16x2_t)b, acc);
#else
    acc = q7_mla(acc, (int16_t)a, (int16_t)b);
    return q7_mla(acc, (int16_t)(a >> 16), (int16_t)(b >> 16));
#endif
}

/* The larger of each of four signed bytes. */
static inline uint32_t q7_max4(uint32_t a, uint32_t b) {
#if QRIG_DSP
    (void)__ssub8((int8x4_t)a, (int8x4_t)b);
    return (uint32_t)__sel((uint8x4_t)a, (uint8x4_t)b);
#else
    uint32_t result = 0;
    for (int bits = 0; bits < 32; bits += 8) {
        int8_t left = (int8_t)(a >> bits);
        int8_t right = (int8_t)(b >> bits);
        result |= (uint32_t)(uint8_t)(left > right ? left : right) << bits;
    }
    return result;
#endif
}

/* Bytes 1 and 3 of word as two signed halfwords. */
static inline uint32_t q7_sxtb16_odd(uint32_t word) {
#if QRIG_DSP
    uint32_t lanes;
    __asm("sxtb16 %0, %1, ror #8" : "=r"(lanes) : "r"(word));
    return lanes;
#else
    return q7_sxtb16(word >> 8);
#endif
}

/* acc + bytes 0 and 2 of word, or 1 and 3, in two signed lanes of 16 bits. */
static inline uint32_t q7_sxtab16_even(uint32_t acc, uint32_t word) {
#if QRIG_DSP
    return (uint32_t)__sxtab16((int16x2_t)acc, (int8x4_t)word);
#else
    int32_t low = (int16_t)acc + (int8_t)word;
    int32_t high = (int16_t)(acc >> 16) + (int8_t)(word >> 16);
    return ((uint32_t)low & 0xffffu) | (uint32_t)high << 16;
#endif
}

static inline uint32_t q7_sxtab16_odd(uint32_t acc, uint32_t word) {
#if QRIG_DSP
    uint32_t sum;
    __asm("sxtab16 %0, %1, %2, ror #8" : "=r"(sum) : "r"(acc), "r"(word));
    return sum;
#else
    return q7_sxtab16_even(acc, word >> 8);
#endif
}

/* The same with unsigned bytes. */
static inline uint32_t q7_uxtab16_even(uint32_t acc, uint32_t word) {
#if QRIG_DSP
    return (uint32_t)__uxtab16((uint16x2_t)acc, (uint8x4_t)word);
#else
    uint32_t low = acc + (word & 0xffu);
    uint32_t high = (acc >> 16) + (word >> 16 & 0xffu);
    return (low & 0xffffu) | high << 16;
#endif
}

static inline uint32_t q7_uxtab16_odd(uint32_t acc, uint32_t word) {
#if QRIG_DSP
    uint32_t sum;
    __asm("uxtab16 %0, %1, %2, ror #8" : "=r"(sum) : "r"(acc), "r"(word));
    return sum;
#else
    return q7_uxtab16_even(acc, word >> 8);
#endif
}

/* factor times the low lane, or the high lane, shifted right by 16. */
static inline int32_t q7_scale_low(int32_t factor, uint32_t lanes) {
#if QRIG_DSP
    int32_t product;
    __asm("smulwb %0, %1, %2" : "=r"(product) : "r"(factor), "r"(lanes));
    return product;
#else
    return (int32_t)((int64_t)factor * (int16_t)lanes >> 16);
#endif
}

static inline int32_t q7_scale_high(int32_t factor, uint32_t lanes) {
#if QRIG_DSP
    int32_t product;
    __asm("smulwt %0, %1, %2" : "=r"(product) : "r"(factor), "r"(lanes));
    return product;
#else
    return (int32_t)((int64_t)factor * (int16_t)(lanes >> 16) >> 16);
#endif
}

/* The low lanes of a and b, and the high ones; that of a becomes the low lane. */
static inline uint32_t q7_low_lanes(uint32_t a, uint32_t b) {
#if QRIG_DSP
    uint32_t lanes;
    __asm("pkhbt %0, %1, %2, lsl #16" : "=r"(lanes) : "r"(a), "r"(b));
    return lanes;
#else
    return (a & 0xffffu) | b << 16;
#endif
}

static inline uint32_t q7_high_lanes(uint32_t a, uint32_t b) {
#if QRIG_DSP
    uint32_t lanes;
    __asm("pkhtb %0, %1, %2, asr #16" : "=r"(lanes) : "r"(b), "r"(a));
    return lanes;
#else
    return a >> 16 | (b & 0xffff0000u);
#endif
}

/* a + b in bytes, saturated. */
static inline uint32_t q7_qadd8(uint32_t a, uint32_t b) {
#if QRIG_DSP
    return (uint32_t)__qadd8((int8x4_t)a, (int8x4_t)b);
#else
    uint32_t result = 0;
    for (int bits = 0; bits < 32; bits += 8) {
        int32_t sum = q7_saturate((int8_t)(a >> bits) + (int8_t)(b >> bits));
        result |= (uint32_t)(uint8_t)sum << bits;
    }
    return result;
#endif
}

/* a + b in lanes of 16 bits, saturated. */
static inline uint32_t q7_qadd16(uint32_t a, uint32_t b) {
#if QRIG_DSP
    return (uint32_t)__qadd16((int16x2_t)a, (int16x2_t)b);
#else
    int32_t low = q7_saturate16((int16_t)a + (int16_t)b);
    int32_t high = q7_saturate16((int16_t)(a >> 16) + (int16_t)(b >> 16));
    return ((uint32_t)low & 0xffffu) | (uint32_t)high << 16;
#endif
}

/* a - b in lanes of 16 bits, saturated. */
static inline uint32_t q7_qsub16(uint32_t a, uint32_t b) {
#if QRIG_DSP
    return (uint32_t)__qsub16((int16x2_t)a, (int16x2_t)b);
#else
    int32_t low = (int16_t)a - (int16_t)b;
    int32_t high = (int16_t)(a >> 16) - (int16_t)(b >> 16);
    low = low > INT16_MAX ? INT16_MAX : low < INT16_MIN ? INT16_MIN : low;
    high = high > INT16_MAX ? INT16_MAX : high < INT16_MIN ? INT16_MIN : high;
    return ((uint32_t)low & 0xffffu) | (uint32_t)high << 16;
#endif
}

/* Each signed lane of 16 bits limited to 8, or to 15, unsigned bits. */
static inline uint32_t q7_usat16_8(uint32_t lanes) {
#if QRIG_DSP
    __asm("usat16 %0, #8, %0" : "+r"(lanes));
    return lanes;
#else
    return q7_usat((int16_t)lanes, 8) | q7_usat((int16_t)(lanes >> 16), 8) << 16;
#endif
}

static inline uint32_t q7_usat16_15(uint32_t lanes) {
#if QRIG_DSP
    __asm("usat16 %0, #15, %0" : "+r"(lanes));
    return lanes;
#else
    return q7_usat((int16_t)lanes, 15) | q7_usat((int16_t)(lanes >> 16), 15) << 16;
#endif
}

#endif
