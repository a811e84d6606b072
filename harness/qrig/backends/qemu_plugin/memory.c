/* Data accesses by instruction and memory, and the caches that are simulated beside the run. */
#include "profile.h"
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1 << 14 };

static access *buckets[BUCKETS];

uint8_t range_of(uint32_t address) {
    uint8_t i = 0;
    while (i < run.ranges && address - run.memories[i].origin >= run.memories[i].bytes) {
        i++;
    }
    return i;
}

int range_parse(const char *text) {
    char *end;
    if (run.ranges == MAX_RANGES) {
        return 0;
    }
    range *added = &run.memories[run.ranges];
    added->origin = (uint32_t)strtoul(text, &end, 0);
    if (*end++ != ':') {
        return 0;
    }
    added->bytes = (uint32_t)strtoul(end, &end, 0);
    run.ranges++;
    return *end == '\0' && added->bytes > 0;
}

int cache_parse(const char *text, cache *caches, size_t *count) {
    uint32_t values[4] = {0};
    if (*count == MAX_CACHES) {
        return 0;
    }
    for (size_t i = 0; i < 4; i++) {
        char *end;
        values[i] = (uint32_t)strtoul(text, &end, 0);
        if (*end != (i < 3 ? ':' : '\0')) {
            return 0;
        }
        text = end + 1;
    }
    uint32_t set_bytes = values[1] * values[2];
    if (set_bytes == 0 || values[0] == 0 || values[0] % set_bytes != 0) {
        return 0;
    }
    cache *added = &caches[(*count)++];
    *added = (cache){values[1], values[0] / set_bytes, values[2], values[3], 1, NULL};
    added->tags = allocate(added->sets * added->ways, sizeof *added->tags);
    return 1;
}

static void forget(cache *caches, size_t count) {
    for (size_t i = 0; i < count; i++) {
        memset(caches[i].tags, 0, (size_t)caches[i].sets * caches[i].ways * sizeof(uint32_t));
        caches[i].random = 1;
    }
}

void caches_forget(void) {
    forget(run.data_caches, run.data_cache_count);
    forget(run.instruction_caches, run.instruction_cache_count);
    run.last_address = 0;
}

/* Look a line up and fetch it if it is missing; 1 if it was. Xorshift chooses whom to replace. */
static int cache_miss(cache *at, uint32_t line) {
    uint32_t *set = at->tags + (size_t)(line % at->sets) * at->ways;
    uint32_t empty = at->ways;
    for (uint32_t way = 0; way < at->ways; way++) {
        if (set[way] == line + 1) {
            return 0;
        }
        if (set[way] == 0) {
            empty = way;
        }
    }
    if (empty == at->ways) {
        at->random ^= at->random << 13;
        at->random ^= at->random >> 17;
        at->random ^= at->random << 5;
        empty = at->random % at->ways;
    }
    set[empty] = line + 1;
    return 1;
}

void block_fetched(unsigned cpu, void *data) {
    block *to = data;
    for (size_t i = 0; i < run.instruction_cache_count; i++) {
        cache *at = &run.instruction_caches[i];
        if (at->mask >> to->memory & 1) {
            uint32_t last = (to->address + to->bytes - 1) / at->line_bytes;
            for (uint32_t line = to->address / at->line_bytes; line <= last; line++) {
                to->fills[i] += (uint64_t)cache_miss(at, line);
            }
        }
    }
    block_executed(cpu, to);
}

access *access_find(uint32_t address) {
    access **bucket = &buckets[(address >> 1) % BUCKETS];
    for (access *known = *bucket; known != NULL; known = known->next_in_bucket) {
        if (known->address == address) {
            return known;
        }
    }
    access *added = allocate(1, sizeof *added);
    added->address = address;
    added->next_in_bucket = *bucket;
    *bucket = added;
    *run.access_tail = added;
    run.access_tail = &added->next;
    return added;
}

void access_count(access *by, uint32_t address, uint32_t size_bytes, bool is_store) {
    uint8_t memory = range_of(address);
    access_counts *now = &by->now[memory];
    by->size_bytes = size_bytes;
    now->loads += !is_store;
    now->stores += is_store;
    now->misaligned += (address & (size_bytes - 1)) != 0;
    now->odd += size_bytes == 4 && (address & 1);
    now->same_bank += ((address ^ run.last_address) & 4) == 0;
    run.last_address = address;
    for (size_t i = 0; i < run.data_cache_count; i++) {
        cache *at = &run.data_caches[i];
        if (at->mask >> memory & 1) {
            uint64_t miss = (uint64_t)cache_miss(at, address / at->line_bytes);
            uint32_t last = (address + size_bytes - 1) / at->line_bytes;
            if (last != address / at->line_bytes) {
                miss += (uint64_t)cache_miss(at, last);
            }
            *(is_store ? &now->fill_stores[i] : &now->fill_loads[i]) += miss;
        }
    }
}
