/* Counters that QEMU increments by itself, one for each translated block, without a call. The two
 * interfaces differ: the first takes an address, the second an element of a "scoreboard", of which
 * there is one per core; these machines have one core. */
#include "counters.h"
#include "profile.h"
#include "qemu_api.h"
#include <stdlib.h>

static void check(uint32_t number) {
    if (number >= MAX_COUNTERS) {
        fprintf(stderr, "qrig profile: more than %d blocks; take it with mode=1\n", MAX_COUNTERS);
        exit(1);
    }
}

#if QRIG_PLUGIN_API == 1

static uint64_t values[MAX_COUNTERS];

void counter_add(struct qemu_plugin_tb *tb, uint32_t number) {
    check(number);
    qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_ADD_U64, &values[number], 1);
}

uint64_t *counter_values(void) {
    return values;
}

#else

static struct qemu_plugin_scoreboard *board;

void counter_add(struct qemu_plugin_tb *tb, uint32_t number) {
    check(number);
    if (board == NULL) {
        board = qemu_plugin_scoreboard_new(MAX_COUNTERS * sizeof(uint64_t));
    }
    qemu_plugin_u64 entry = {board, number * sizeof(uint64_t)};
    qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, QEMU_ADD_U64, entry, 1);
}

uint64_t *counter_values(void) {
    return qemu_plugin_scoreboard_find(board, 0);
}

#endif
