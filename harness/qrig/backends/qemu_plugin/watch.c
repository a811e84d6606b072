/* An edge is passed when its target is entered after its source, and no other block that goes to
 * the target has run in between. */
#include "watch.h"
#include "counters.h"
#include "profile.h"
#include "qemu_api.h"
#include <inttypes.h>
#include <stdlib.h>

enum { MAX_OTHERS = 256, MAX_COUNTERS_OF_OTHERS = 1024 };

typedef struct watched {
    uint32_t last, target;
    uint32_t others[MAX_OTHERS];
    size_t other_count;
    uint32_t counters[MAX_COUNTERS_OF_OTHERS]; /* of blocks that end at one of `others` */
    size_t counter_count;
    bool armed;
    uint64_t others_ran; /* when the source ran */
    uint64_t count;
    uint64_t *by_phase;
    struct watched *next;
} watched;

static watched *all, **tail = &all;

int watch_parse(const char *text) {
    char *end;
    watched *added = allocate(1, sizeof *added);
    added->last = (uint32_t)strtoul(text, &end, 0);
    if (*end++ != ':') {
        return 0;
    }
    added->target = (uint32_t)strtoul(end, &end, 0);
    while (*end == ':' || *end == '+') {
        if (added->other_count == MAX_OTHERS) {
            return 0;
        }
        added->others[added->other_count++] = (uint32_t)strtoul(end + 1, &end, 0);
    }
    *tail = added;
    tail = &added->next;
    return *end == '\0';
}

static uint64_t sum_of_others(const watched *edge) {
    const uint64_t *values = counter_values();
    uint64_t sum = 0;
    for (size_t i = 0; i < edge->counter_count; i++) {
        sum += values[edge->counters[i]];
    }
    return sum;
}

static void on_source(unsigned cpu, void *data) {
    (void)cpu;
    watched *edge = data;
    edge->armed = true;
    edge->others_ran = sum_of_others(edge);
}

static void on_target(unsigned cpu, void *data) {
    (void)cpu;
    watched *edge = data;
    edge->count += edge->armed && edge->others_ran == sum_of_others(edge);
    edge->armed = false;
}

static void add_counter(watched *edge, uint32_t number) {
    if (edge->counter_count == MAX_COUNTERS_OF_OTHERS) {
        fputs("qrig profile: too many blocks go to one address; take it with mode=1\n", stderr);
        exit(1);
    }
    for (size_t i = 0; i < edge->counter_count; i++) {
        if (edge->counters[i] == number) {
            return;
        }
    }
    edge->counters[edge->counter_count++] = number;
}

void watch_block(struct qemu_plugin_tb *tb, uint32_t start, uint32_t last, uint32_t number) {
    for (watched *edge = all; edge != NULL; edge = edge->next) {
        for (size_t i = 0; i < edge->other_count; i++) {
            if (edge->others[i] == last) {
                add_counter(edge, number);
            }
        }
        /* The target first: a block that is both ends a passage before it begins the next. */
        if (start == edge->target) {
            qemu_plugin_register_vcpu_tb_exec_cb(tb, on_target, QEMU_NO_REGISTERS, edge);
        }
        if (last == edge->last) {
            qemu_plugin_register_vcpu_tb_exec_cb(tb, on_source, QEMU_NO_REGISTERS, edge);
        }
    }
}

/* Sums stand still when a phase ends and all counters return to 0. */
void watch_end_phase(void) {
    for (watched *edge = all; edge != NULL; edge = edge->next) {
        edge->others_ran -= sum_of_others(edge);
        if (edge->count != 0) {
            if (edge->by_phase == NULL) {
                edge->by_phase = allocate(run.phases, sizeof *edge->by_phase);
            }
            edge->by_phase[run.phase] += edge->count;
            edge->count = 0;
        }
    }
}

void watch_write(FILE *out, size_t phase) {
    const char *separator = "";
    for (const watched *edge = all; edge != NULL; edge = edge->next) {
        uint64_t count = edge->by_phase == NULL ? 0 : edge->by_phase[phase];
        fprintf(out, "%s%" PRIu64, separator, count);
        separator = ",";
    }
}
