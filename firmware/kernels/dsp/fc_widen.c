#include "fc_pass.h"

void fc_widen(fc_pass *pass, q15_t *vec_buffer) {
    const q7_t *vec = pass->vec;
    q15_t *widened = vec_buffer;
    for (uint32_t steps = pass->steps; steps; steps--) {
        uint32_t even, odd;
        vec = fc_load(vec, FC_BYTES, &even, &odd);
        q7_write4(widened, even);
        q7_write4(widened + 2, odd);
        widened += 4;
    }
    for (uint32_t rest = pass->length & 3u; rest; rest--) {
        *widened++ = *vec++;
    }
    pass->vec = vec_buffer;
    pass->order = FC_WIDENED;
}
