#include "qrig_columns.h"

static q7_t output(const uint32_t *column, const uint32_t *weights, uint32_t start,
                   const qrig_columns_shape *shape) {
    int32_t acc = (int32_t)start;
    for (uint32_t i = 0; i < shape->words; i++) {
        acc = q7_smlad(weights[2 * i], column[COLUMNS_PIXELS * i], acc);
    }
    return (q7_t)(shape->relu ? lanes_u7((uint32_t)acc, shape->shift)
                              : lanes_q7((uint32_t)acc, shape->shift));
}

void qrig_columns(const uint32_t *columns, const uint32_t *weights, q7_t *out,
                  const qrig_columns_shape *shape) {
    for (uint32_t c = 0; c < shape->channels; c += 2) {
        for (uint32_t p = 0; p < COLUMNS_PIXELS; p++) {
            q7_t *pixel = out + p * shape->channels + c;
            pixel[0] = output(columns + p, weights + 2, weights[0], shape);
            pixel[1] = output(columns + p, weights + 3, weights[1], shape);
        }
        weights += 2 + 2 * shape->words;
    }
}
