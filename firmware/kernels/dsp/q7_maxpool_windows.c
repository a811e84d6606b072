#include "pool_window.h"

void q7_maxpool_windows(const q7_t *in, const q7_pool *pool, q7_t *out) {
    q7_pool_windows(in, pool, out, q7_max_window);
}
