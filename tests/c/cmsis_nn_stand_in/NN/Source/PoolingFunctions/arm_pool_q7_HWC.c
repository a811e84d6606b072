#include "arm_nnfunctions.h"

typedef struct {
    q7_t *in;
    q7_t *out;
    int dim_in, ch, dim_kernel, padding, stride, dim_out, is_max;
} pooling;

/* The maximum, or the mean truncated toward zero, of entries start to stop, step bytes apart. */
static q7_t reduce(const pooling *p, const q7_t *base, int start, int stop, int step) {
    int first = start < 0 ? 0 : start;
    int last = stop > p->dim_in ? p->dim_in : stop;
    int result = p->is_max ? -128 : 0;
    for (int i = first; i < last; i++) {
        int value = base[i * step];
        result = !p->is_max ? result + value : value > result ? value : result;
    }
    return (q7_t)(p->is_max ? result : result / (last - first));
}

/* Along x in place, then along y, as the original does on cores with DSP instructions. */
static void pool(const pooling *p) {
    for (int i = 0; i < p->dim_in * p->dim_out * p->ch; i++) {
        int c = i % p->ch;
        int x = i / p->ch % p->dim_out;
        q7_t *row = p->in + i / p->ch / p->dim_out * p->dim_in * p->ch + c;
        int start = x * p->stride - p->padding;
        row[x * p->ch] = reduce(p, row, start, start + p->dim_kernel, p->ch);
    }
    for (int i = 0; i < p->dim_out * p->dim_out * p->ch; i++) {
        int column = i % (p->dim_out * p->ch);
        int start = i / (p->dim_out * p->ch) * p->stride - p->padding;
        p->out[i] = reduce(p, p->in + column, start, start + p->dim_kernel, p->dim_in * p->ch);
    }
}

void arm_maxpool_q7_HWC(q7_t *in, uint16_t dim_in, uint16_t ch, uint16_t dim_kernel,
                        uint16_t padding, uint16_t stride, uint16_t dim_out, q7_t *buffer,
                        q7_t *out) {
    (void)buffer;
    pool(&(pooling){in, out, dim_in, ch, dim_kernel, padding, stride, dim_out, 1});
}

void arm_avepool_q7_HWC(q7_t *in, uint16_t dim_in, uint16_t ch, uint16_t dim_kernel,
                        uint16_t padding, uint16_t stride, uint16_t dim_out, q7_t *buffer,
                        q7_t *out) {
    /* As much as the original writes here, to see that it is there. */
    for (int i = 0; i < 2 * dim_out * ch; i++) {
        buffer[i] = 0x55;
    }
    pool(&(pooling){in, out, dim_in, ch, dim_kernel, padding, stride, dim_out, 0});
}
