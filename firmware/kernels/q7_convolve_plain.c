#include "q7_convolution.h"
#include "q7_simd.h"

/* One output value. Coordinates count from the first row and column of the padding, and modulo
 * 2^32, so that one comparison finds what lies outside the image on either side. */
static q7_t one_value(const q7_convolution *call, uint32_t top, uint32_t left, uint32_t channel) {
    uint32_t ch_in = call->ch_in;
    const q7_t *w = call->weights + (size_t)channel * call->y.kernel * call->x.kernel * ch_in;
    int32_t acc = q7_convolution_start(call, channel);
    for (uint32_t ky = 0; ky < call->y.kernel; ky++) {
        uint32_t row = top + ky - call->y.padding;
        for (uint32_t kx = 0; kx < call->x.kernel; kx++, w += ch_in) {
            uint32_t column = left + kx - call->x.padding;
            if (row >= call->y.in || column >= call->x.in) {
                continue;
            }
            const q7_t *pixel = call->in + ((size_t)row * call->x.in + column) * ch_in;
            for (uint32_t c = 0; c < ch_in; c++) {
                acc = q7_mla(acc, pixel[c], w[c]);
            }
        }
    }
    return (q7_t)q7_saturate(acc >> call->out_shift);
}

void q7_convolve_plain(const q7_convolution *call) {
    q7_t *out = call->out;
    for (uint32_t y = 0; y < call->y.out; y++) {
        for (uint32_t x = 0; x < call->x.out; x++) {
            for (uint32_t channel = 0; channel < call->ch_out; channel++) {
                *out++ = one_value(call, y * call->y.stride, x * call->x.stride, channel);
            }
        }
    }
}
