#include "cmsis_nn_adapter.h"

/* The largest size in words that the original's 16 bits hold. */
#define LARGEST 65532u

void cmsis_nn_relu_q7(q7_t *data, uint32_t size) {
    for (; size > LARGEST; size -= LARGEST) {
        arm_relu_q7(data, LARGEST);
        data += LARGEST;
    }
    arm_relu_q7(data, (uint16_t)size);
}
