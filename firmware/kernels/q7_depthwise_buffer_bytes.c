#include "q7_convolution.h"

size_t q7_depthwise_buffer_bytes(uint16_t ch, uint16_t kernel_x, uint16_t kernel_y) {
    size_t taps = (size_t)kernel_x * kernel_y;
    return taps < Q7_DEPTHWISE_TABLE_TAPS ? 0 : (ch & ~(size_t)3) * (3 * taps + 4);
}
