#include "arm_nnfunctions.h"
#include "q7_simd.h"

/* 16 values from an address that is a multiple of 4; returns the one behind them. */
static inline q7_t *relu_16(q7_t *data) {
#if QRIG_DSP
    __asm volatile("ldmia %0, {r3, r4, r5, r6}\n\t"
                   "ssub8 r12, r3, %1\n\t"
                   "sel r3, r3, %1\n\t"
                   "ssub8 r12, r4, %1\n\t"
                   "sel r4, r4, %1\n\t"
                   "ssub8 r12, r5, %1\n\t"
                   "sel r5, r5, %1\n\t"
                   "ssub8 r12, r6, %1\n\t"
                   "sel r6, r6, %1\n\t"
                   "stmia %0!, {r3, r4, r5, r6}"
                   : "+r"(data)
                   : "r"(0)
                   : "r3", "r4", "r5", "r6", "r12", "cc", "memory");
    return data;
#else
    for (uint32_t k = 0; k < 4; k++, data += 4) {
        q7_write4(data, q7_max4(q7_read4(data), 0));
    }
    return data;
#endif
}

static inline void relu_1(q7_t *data) {
    *data = (q7_t)(*data & ~(*data >> 7));
}

void arm_relu_q7(q7_t *data, uint32_t size) {
    for (; size && ((uintptr_t)data & 3u); size--) {
        relu_1(data++);
    }
    for (uint32_t blocks = size >> 4; blocks; blocks--) {
        data = relu_16(data);
    }
    for (uint32_t words = size >> 2 & 3u; words; words--) {
        q7_write4(data, q7_max4(q7_read4(data), 0));
        data += 4;
    }
    for (uint32_t rest = size & 3u; rest; rest--) {
        relu_1(data++);
    }
}
