/* Blocks, the edges between them, and the predictor of the branch at each one's end. */
#include "profile.h"

enum {
    BUCKETS = 1 << 14,
    SATURATED = 3, /* equal outcomes after which a two-bit counter changes no more */
};

static block *buckets[BUCKETS];
static edge none;
block before_the_first = {.recent = &none};

block *block_find(uint32_t address, uint32_t instructions, uint32_t bytes) {
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
    added->predictor = 1;
    added->memory = range_of(address);
    added->next_in_bucket = *bucket;
    *bucket = added;
    *run.block_tail = added;
    run.block_tail = &added->next;
    return added;
}

/* One outcome: foretold by the two-bit counter and, if taken, by the last target. */
static void predict(block *from, const edge *outcome) {
    bool foretold = from->predictor >= 2;
    if (foretold != outcome->taken ||
        (outcome->taken && from->predicted_target != outcome->to->address)) {
        from->mispredicted++;
    }
    if (outcome->taken) {
        from->predicted_target = outcome->to->address;
        if (from->predictor < SATURATED) {
            from->predictor++;
        }
    } else if (from->predictor > 0) {
        from->predictor--;
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

__attribute__((noinline)) static void change_edge(block *from, block *to) {
    block_settle(from);
    from->recent = edge_find(from, to);
    from->run_start = from->recent->count++;
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
