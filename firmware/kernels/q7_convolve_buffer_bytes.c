#include "q7_convolution.h"

/* Two windows in 16 bits. */
size_t q7_convolve_buffer_bytes(uint16_t ch_in, uint16_t kernel_x, uint16_t kernel_y) {
    return (size_t)2 * ch_in * kernel_x * kernel_y * sizeof(q15_t);
}
