#include "copy_run.h"

void qrig_copy_q7(const q7_t *in, uint32_t size, q7_t *out) {
    copy_run(in, size, out);
}
