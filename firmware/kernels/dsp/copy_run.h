/* A run of values, in words as far as they go. */
#ifndef QRIG_COPY_RUN_H
#define QRIG_COPY_RUN_H

#include "arm_nnfunctions.h"
#include "q7_simd.h"

static inline void copy_run(const q7_t *in, uint32_t length, q7_t *out) {
    for (uint32_t blocks = length >> 4; blocks; blocks--) {
        uint32_t a = q7_read4(in), b = q7_read4(in + 4), c = q7_read4(in + 8);
        uint32_t d = q7_read4(in + 12);
        q7_write4(out, a);
        q7_write4(out + 4, b);
        q7_write4(out + 8, c);
        q7_write4(out + 12, d);
        in += 16;
        out += 16;
    }
    for (uint32_t words = length >> 2 & 3u; words; words--) {
        q7_write4(out, q7_read4(in));
        in += 4;
        out += 4;
    }
    for (uint32_t rest = length & 3u; rest; rest--) {
        *out++ = *in++;
    }
}

#endif
