#include "fc_pass.h"

void fc_last_rows(fc_pass *pass, uint32_t rows) {
    if (rows >= 2) {
        fc_two_rows(pass);
    }
    if ((rows & 1u) == 0) {
        return;
    }
    int32_t acc = fc_start_row(pass, 0);
    if (pass->order == FC_BYTES) {
        acc = fc_one_row(pass->vec, FC_BYTES, pass->row, pass->length, acc);
        q7_put8(pass->out, acc >> pass->out_shift);
    } else if (pass->order == FC_WIDENED) {
        acc = fc_one_row(pass->vec, FC_WIDENED, pass->row, pass->length, acc);
        q7_put8(pass->out, acc >> pass->out_shift);
    } else {
        acc = fc_one_row(pass->vec, FC_HALFWORDS, pass->row, pass->length, acc);
        q7_put16(pass->out, acc >> pass->out_shift);
    }
}
