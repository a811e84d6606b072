#include "arm_nnfunctions.h"

void arm_relu_q7(q7_t *data, uint16_t size) {
    for (; size; size--, data++) {
        *data = *data < 0 ? 0 : *data;
    }
}
