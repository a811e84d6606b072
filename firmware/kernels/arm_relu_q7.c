#include "arm_nnfunctions.h"
#include "q7_simd.h"

void arm_relu_q7(q7_t *data, uint32_t size) {
    for (uint32_t fours = size >> 2; fours; fours--) {
        q7_write4(data, q7_max4(q7_read4(data), 0));
        data += 4;
    }
    for (uint32_t rest = size & 3u; rest; rest--) {
        if (*data < 0) {
            *data = 0;
        }
        data++;
    }
}
