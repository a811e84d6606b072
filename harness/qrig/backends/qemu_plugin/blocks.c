/* Blocks, the edges between them, and the predictors of the branches at their ends. */
#include "profile.h"
#include <stdlib.h>

enum {
    BUCKETS = 1 << 14,
    SATURATED = 3, /* equal outcomes after which a two-bit counter changes no more */
};

static block *buckets[BUCKETS];
static branch *branches[BUCKETS];
static edge none;
static branch nowhere;
block before_the_first = {.recent = &none, .branch = &nowhere};

static branch *branch_find(uint32_t address) {
    branch **bucket = &branches[(address >> 1) % BUCKETS];
    branch *known = *bucket;
    while (known != NULL && known->address != address) {
        known = known->next_in_bucket;
    }
    if (known == NULL) {
        known = allocate(1, sizeof *known);
        known->address = address;
        known->counter = 1;
        known->next_in_bucket = *bucket;
        *bucket = known;
    }
    return known;
}

/* Put a block into the table by index. */
static void enter(block *added) {
    if (run.block_count > run.block_space) {
        run.block_space = run.block_space == 0 ? 1024 : 2 * run.block_space;
        run.block_table = realloc(run.block_table, run.block_space * sizeof(block *));
        if (run.block_table == NULL) {
            fputs("qrig profile: out of memory\n", stderr);
            exit(1);
        }
    }
    run.block_table[added->index] = added;
}

block *block_find(uint32_t address, uint32_t instructions, uint32_t bytes, uint32_t last) {
    block **bucket = &buckets[(address >> 1) % BUCKETS];
    for (block *known = *bucket; known != NULL; known = known->next_in_bucket) {
        if (known->address == address && known->bytes == bytes) {
            return known;
        }
    }
    block *added = allocate(1, sizeof *added);
    added->address = address;
    added->bytes = bytes;
    added->instructions = instructions;
    added->index = (uint32_t)run.block_count++;
    added->recent = &none;
    added->memory = range_of(address);
    added->branch = branch_find(last);
    added->next_of_branch = added->branch->blocks;
    added->branch->blocks = added;
    added->next_in_bucket = *bucket;
    *bucket = added;
    *run.block_tail = added;
    run.block_tail = &added->next;
    enter(added);
    return added;
}

/* One outcome: foretold by the two-bit counter and, if taken, by the last target. */
static void predict(block *from, const edge *outcome) {
    branch *at = from->branch;
    uint32_t target = outcome->to->address;
    if ((at->counter >= 2) != outcome->taken || (outcome->taken && at->target != target)) {
        from->mispredicted++;
    }
    if (outcome->taken) {
        at->target = target;
        if (at->counter < SATURATED) {
            at->counter++;
        }
    } else if (at->counter > 0) {
        at->counter--;
    }
}

void block_settle(block *from) {
    uint64_t length = from->recent->count - from->run_start;
    for (uint64_t i = 0; i < length && i <= SATURATED; i++) {
        predict(from, from->recent);
    }
    from->run_start = from->recent->count;
}

static edge *edge_find(block *from, block *to) {
    for (edge **link = &from->edges; *link != NULL; link = &(*link)->next) {
        edge *known = *link;
        if (known->to == to) {
            *link = known->next; /* to the front: it is likely to be wanted again */
            known->next = from->edges;
            from->edges = known;
            return known;
        }
    }
    edge *added = allocate(1, sizeof *added);
    added->to = to;
    added->taken = from->address + from->bytes != to->address;
    added->next = from->edges;
    from->edges = added;
    return added;
}

/* Outcomes of one branch that have not been settled yet are all alike, so that their order does not
 * matter: before another one is counted, all blocks of the branch are settled, and those that would
 * go on counting the old outcome forget it. */
__attribute__((noinline)) static void change_edge(block *from, block *to) {
    edge *outcome = edge_find(from, to);
    for (block *each = from->branch->blocks; each != NULL; each = each->next_of_branch) {
        block_settle(each);
        if (each->recent->to != NULL && each->recent->to->address != to->address) {
            each->recent = &none;
            each->run_start = 0;
        }
    }
    from->recent = outcome;
    from->run_start = outcome->count++;
}

void block_executed(unsigned cpu, void *data) {
    (void)cpu;
    block *from = run.previous, *to = data;
    edge *recent = from->recent;
    run.previous = to;
    if (__builtin_expect(recent->to == to, 1)) {
        recent->count++;
    } else {
        change_edge(from, to);
    }
}

void blocks_forget(void) {
    for (block *each = run.blocks; each != NULL; each = each->next) {
        each->branch->counter = 1;
        each->branch->target = 0;
    }
}
