#include "q15_internal.h"
#include "q7_simd.h"

/* The tap of an axis at a position of its output, or -1 outside the image. */
static int64_t tap(const q7_axis *axis, uint32_t position, uint32_t k) {
    int64_t at = (int64_t)position * axis->stride - axis->padding + k;
    return at < axis->in ? at : -1;
}

/* One output. */
static q15_t output(const q15_convolution *c, uint32_t y, uint32_t x, uint32_t channel) {
    int32_t acc = q15_start(c->bias[channel], c->bias_shift, c->out_shift);
    const q15_t *weight = c->weights + (size_t)channel * c->y.kernel * c->x.kernel * c->ch_in;
    for (uint32_t m = 0; m < c->y.kernel; m++) {
        int64_t in_y = tap(&c->y, y, m);
        for (uint32_t n = 0; n < c->x.kernel; n++, weight += c->ch_in) {
            int64_t in_x = tap(&c->x, x, n);
            if (in_y < 0 || in_x < 0) {
                continue;
            }
            const q15_t *pixel = c->in + (size_t)(in_y * c->x.in + in_x) * c->ch_in;
            for (uint32_t l = 0; l < c->ch_in; l++) {
                acc = q7_mla(acc, weight[l], pixel[l]);
            }
        }
    }
    return (q15_t)q7_saturate16(acc >> c->out_shift);
}

void q15_convolve_one(const q15_convolution *c) {
    q15_t *out = c->out;
    for (uint32_t y = 0; y < c->y.out; y++) {
        for (uint32_t x = 0; x < c->x.out; x++) {
            for (uint32_t channel = 0; channel < c->ch_out; channel++) {
                *out++ = output(c, y, x, channel);
            }
        }
    }
}
