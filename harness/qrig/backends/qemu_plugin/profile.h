/* What the plugin counts. Every counter has a running value, which the next mark adds to the phase
 * that ends there: `phases` is one more than the events, 0 being what ran before the first mark. */
#ifndef QRIG_PROFILE_H
#define QRIG_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { MAX_RANGES = 8, MAX_CACHES = 4 };

/* What is counted: executions of blocks alone, without calls; edges, with a call per block; edges,
 * accesses and caches, with a call per access, too. */
enum { COUNT_EXECUTIONS, COUNT_EDGES, COUNT_ACCESSES };

/* A memory accesses are told apart by. Number `ranges` stands for everything else. */
typedef struct {
    uint32_t origin, bytes;
} range;

/* A set-associative cache with pseudo-random replacement; a write allocates. `mask` has a bit for
 * each range it caches. */
typedef struct {
    uint32_t line_bytes, sets, ways, mask, random;
    uint32_t *tags; /* line number + 1, 0 for an empty way */
} cache;

typedef struct block block;

/* How often `to` followed a block. */
typedef struct edge {
    block *to;
    uint64_t count;
    uint64_t *by_phase;
    bool taken;
    struct edge *next;
} edge;

/* The predictor of the branch at the end of a block: two bits and the last target. Blocks that end
 * in the same instruction share it. */
typedef struct branch {
    uint32_t address, target;
    uint8_t counter; /* 2 and 3 foretell that it is taken */
    block *blocks;
    struct branch *next_in_bucket;
} branch;

/* A translated run of instructions. The edge that was taken last is tried first; the predictor is
 * brought up to date only when another one is taken, for a run of equal outcomes is foreseeable
 * after its third. */
struct block {
    uint32_t address, bytes, instructions, index;
    edge *recent;
    uint64_t run_start; /* the count of `recent` when it became that */
    edge *edges;
    uint64_t mispredicted;
    uint64_t *mispredicted_by_phase;
    branch *branch;
    uint8_t memory; /* the range it lies in */
    uint64_t fills[MAX_CACHES];
    uint64_t *fills_by_phase[MAX_CACHES];
    uint64_t *executions_by_phase;
    block *next, *next_in_bucket, *next_of_branch;
};

typedef struct {
    uint64_t loads, stores, misaligned, odd, same_bank;
    uint64_t fill_loads[MAX_CACHES], fill_stores[MAX_CACHES];
} access_counts;

/* What one instruction did in each memory. */
typedef struct access {
    uint32_t address, size_bytes;
    access_counts now[MAX_RANGES + 1];
    access_counts *by_phase[MAX_RANGES + 1];
    struct access *next, *next_in_bucket;
} access;

/* The whole run. */
typedef struct {
    const char *path;
    size_t events, phases, phase;
    size_t fresh;     /* the event that begins with empty caches, 0 for none */
    uint64_t *visits; /* by phase */
    int mode;
    bool due, written; /* the file */
    uint32_t mark;     /* the address of the store that began the phase */
    range memories[MAX_RANGES];
    size_t ranges;
    cache data_caches[MAX_CACHES], instruction_caches[MAX_CACHES];
    size_t data_cache_count, instruction_cache_count;
    block *blocks, **block_tail;
    block **block_table; /* by index */
    size_t block_count, block_space;
    access *accesses, **access_tail;
    uint32_t last_address; /* of a data access */
    block *previous;       /* that was executed */
} profile;

extern profile run;

/* Memory that is zero, or the end of the emulator with a message. */
void *allocate(size_t count, size_t bytes);

/* The range of an address, `ranges` if it lies in none. */
uint8_t range_of(uint32_t address);

/* Read a range ("origin:bytes") or a cache ("bytes:line:ways:mask"); zero if it is none. */
int range_parse(const char *text);
int cache_parse(const char *text, cache *caches, size_t *count);

/* The block at `address` with so many instructions and bytes, the last one at `last`, known or new.
 */
block *block_find(uint32_t address, uint32_t instructions, uint32_t bytes, uint32_t last);

/* The block that stands before the first one. */
extern block before_the_first;

/* Bring the predictor of `from` up to date with the edges counted so far. */
void block_settle(block *from);

/* Count that `to` was entered. Nearly all the time of a profile is spent in here. */
void block_executed(unsigned cpu, void *to);

/* The same, with its lines fetched through the instruction caches. */
void block_fetched(unsigned cpu, void *to);

/* The record of the instruction at `address`. */
access *access_find(uint32_t address);

/* Count an access of `size_bytes` at `address`. */
void access_count(access *by, uint32_t address, uint32_t size_bytes, bool is_store);

/* End the phase and begin number `phase`. */
void phase_begin(size_t phase);

/* Forget what caches hold and branches did, as after a reset. */
void blocks_forget(void);
void caches_forget(void);

/* Write everything counted so far to `path`, at once. */
void profile_write(void);

#endif
