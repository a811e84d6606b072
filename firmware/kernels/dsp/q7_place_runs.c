#include "copy_run.h"
#include "joins.h"

void q7_place_runs(const q7_t *in, uint32_t ch, uint32_t pixels, q7_t *out, uint32_t pitch) {
    for (; pixels; pixels--, in += ch, out += pitch) {
        copy_run(in, ch, out);
    }
}
