#include "fc_asm.h"
#include "q15_window.h"

void q15_interleave(const q15_t *in_0, const q15_t *in_1, uint32_t words, uint32_t rows,
                    uint32_t in_pitch, q15_t *columns) {
    for (uint32_t row = 0; row < rows; row++) {
        const q15_t *next_0 = in_0 + row * in_pitch, *next_1 = in_1 + row * in_pitch;
        uint32_t left = words;
#if QRIG_DSP
        for (; left >= 4; left -= 4) {
            __asm volatile("ldmia %[next_0]!, {r3, r5, r8, r10}\n"
                           "ldmia %[next_1]!, {r4, r6, r9, r12}\n"
                           "stmia %[columns]!, {r3, r4, r5, r6, r8, r9, r10, r12}\n"
                           : [next_0] "+r"(next_0), [next_1] "+r"(next_1), [columns] "+r"(columns)
                           :
                           : "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r12", "memory");
        }
#endif
        for (; left; left--) {
            q7_write4(columns, q7_read4(next_0));
            q7_write4(columns + 2, q7_read4(next_1));
            next_0 += 2;
            next_1 += 2;
            columns += 4;
        }
    }
}
