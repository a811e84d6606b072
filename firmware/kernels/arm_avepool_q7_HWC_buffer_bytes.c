#include "arm_nnfunctions.h"

/* The sums are kept in registers. */
size_t arm_avepool_q7_HWC_buffer_bytes(uint16_t dim_out, uint16_t ch) {
    (void)dim_out;
    (void)ch;
    return 0;
}
