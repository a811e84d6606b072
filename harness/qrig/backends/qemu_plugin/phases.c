/* Phases: at every mark the running counters go to the phase that ends there. */
#include "counters.h"
#include "profile.h"
#include "watch.h"
#include <string.h>

static void move(uint64_t *count, uint64_t **by_phase) {
    if (*count != 0) {
        if (*by_phase == NULL) {
            *by_phase = allocate(run.phases, sizeof **by_phase);
        }
        (*by_phase)[run.phase] += *count;
        *count = 0;
    }
}

static void end_block(block *ended) {
    block_settle(ended);
    ended->run_start = 0;
    for (edge *out = ended->edges; out != NULL; out = out->next) {
        move(&out->count, &out->by_phase);
    }
    move(&ended->mispredicted, &ended->mispredicted_by_phase);
    for (size_t i = 0; i < run.instruction_cache_count; i++) {
        move(&ended->fills[i], &ended->fills_by_phase[i]);
    }
}

static void end_access(access *ended) {
    for (size_t i = 0; i <= run.ranges; i++) {
        access_counts *now = &ended->now[i];
        if (now->loads + now->stores == 0) {
            continue;
        }
        if (ended->by_phase[i] == NULL) {
            ended->by_phase[i] = allocate(run.phases, sizeof *now);
        }
        access_counts *total = &ended->by_phase[i][run.phase];
        total->loads += now->loads;
        total->stores += now->stores;
        total->misaligned += now->misaligned;
        total->odd += now->odd;
        total->same_bank += now->same_bank;
        for (size_t c = 0; c < run.data_cache_count; c++) {
            total->fill_loads[c] += now->fill_loads[c];
            total->fill_stores[c] += now->fill_stores[c];
        }
        memset(now, 0, sizeof *now);
    }
}

void phase_begin(size_t phase) {
    if (run.mode == COUNT_EXECUTIONS) {
        uint64_t *count = counter_values();
        watch_end_phase();
        for (size_t i = 0; i < run.block_count; i++) {
            if (count[i] != 0) {
                move(&count[i], &run.block_table[i]->executions_by_phase);
            }
        }
    } else {
        end_block(&before_the_first);
        for (block *each = run.blocks; each != NULL; each = each->next) {
            end_block(each);
        }
        for (access *each = run.accesses; each != NULL; each = each->next) {
            end_access(each);
        }
    }
    run.phase = phase;
    run.visits[phase]++;
}
