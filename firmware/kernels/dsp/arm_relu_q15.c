#include "arm_nnfunctions.h"
#include "q7_simd.h"

/* Eight values from an address that is a multiple of 4; returns the one behind them. */
static inline q15_t *relu_8(q15_t *data) {
#if QRIG_DSP
    __asm volatile("ldmia %0, {r3, r4, r5, r6}\n\t"
                   "usat16 r3, #15, r3\n\t"
                   "usat16 r4, #15, r4\n\t"
                   "usat16 r5, #15, r5\n\t"
                   "usat16 r6, #15, r6\n\t"
                   "stmia %0!, {r3, r4, r5, r6}"
                   : "+r"(data)
                   :
                   : "r3", "r4", "r5", "r6", "memory");
    return data;
#else
    for (uint32_t k = 0; k < 4; k++, data += 2) {
        q7_write4(data, q7_usat16_15(q7_read4(data)));
    }
    return data;
#endif
}

static inline void relu_1(q15_t *data) {
    *data = (q15_t)(*data & ~(*data >> 15));
}

void arm_relu_q15(q15_t *data, uint32_t size) {
    if (size && ((uintptr_t)data & 3u)) {
        relu_1(data++);
        size--;
    }
    for (uint32_t blocks = size >> 3; blocks; blocks--) {
        data = relu_8(data);
    }
    for (uint32_t words = size >> 1 & 3u; words; words--) {
        q7_write4(data, q7_usat16_15(q7_read4(data)));
        data += 2;
    }
    if (size & 1u) {
        relu_1(data);
    }
}
