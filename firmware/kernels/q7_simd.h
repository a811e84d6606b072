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

/* Four bytes from any address. */
static inline uint32_t q7_read4(const void *address) {
    uint32_t word;
    memcpy(&word, address, sizeof word);
    return word;
}

/* Four bytes to any address. */
static inline void q7_write4(void *address, uint32_t word) {
    memcpy(address, &word, sizeof word);
}

/* acc + a * b modulo 2^32. */
static inline int32_t q7_mla(int32_t acc, int32_t a, int32_t b) {
    return (int32_t)((uint32_t)acc + (uint32_t)(a * b));
}

static inline int32_t q7_saturate(int32_t value) {
#if QRIG_DSP
    __asm("ssat %0, #8, %0" : "+r"(value));
    return value;
#else
    return value > 127 ? 127 : value < -128 ? -128 : value;
#endif
}

/* Bytes 0 and 2 of word (after rotating right by the given bits) as two signed halfwords. */
static inline uint32_t q7_sxtb16(uint32_t word) {
#if QRIG_DSP
    return (uint32_t)__sxtb16((int8x4_t)word);
#else
    return ((uint32_t)(int32_t)(int8_t)word & 0xffffu) | (uint32_t)(int8_t)(word >> 16) << 16;
#endif
}

static inline uint32_t q7_rotate8(uint32_t word) {
    return word >> 8 | word << 24;
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

#endif
