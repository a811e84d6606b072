/* What joins tensors: copies, concatenations, sums. */
#ifndef QRIG_JOINS_H
#define QRIG_JOINS_H

#include "q7_internal.h"

/* The largest sum(128 << shift): with rounding it still has 32 bits. */
#define Q7_MAX_SUM (1u << 30)

/* Each pixel's run of ch values to out, pitch apart. */
void q7_place_runs(const q7_t *in, uint32_t ch, uint32_t pixels, q7_t *out, uint32_t pitch);

/* The same of values that become (x + round) >> shift, 1 to 31. */
void q7_place_shifted_runs(const q7_t *in, uint32_t ch, uint32_t pixels, uint32_t shift, q7_t *out,
                           uint32_t pitch);

/* Tensors of size values to add: as qrig_eltwise_sum_q7, whose limits they keep. */
typedef struct {
    const q7_t *const *tensors;
    const uint16_t *shifts;
    uint32_t count;
    uint32_t size;
    uint32_t out_shift;
} q7_terms;

void q7_add(const q7_terms *terms, q7_t *out);

/* The values from first on, one by one. */
void q7_add_one_by_one(const q7_terms *terms, uint32_t first, q7_t *out);

#endif
