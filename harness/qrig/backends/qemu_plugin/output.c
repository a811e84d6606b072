/* The file: JSON, one number per counter that is not zero. The harness adds what it knows. */
#include "profile.h"
#include "watch.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static FILE *out;
static const char *separator;

static void list_begin(const char *name) {
    fprintf(out, ",\"%s\":[", name);
    separator = "";
}

static void item(const char *format, uint64_t a, uint64_t b, uint64_t c) {
    fputs(separator, out);
    fprintf(out, format, a, b, c);
    separator = ",";
}

static void write_edges(const block *from, long source, size_t phase) {
    for (const edge *each = from->edges; each != NULL; each = each->next) {
        if (each->by_phase != NULL && each->by_phase[phase] != 0) {
            fprintf(out, "%s[%ld,%" PRIu32 ",%" PRIu64 "]", separator, source, each->to->index,
                    each->by_phase[phase]);
            separator = ",";
        }
    }
}

static void write_executions(size_t phase) {
    list_begin("executions");
    for (const block *each = run.blocks; each != NULL; each = each->next) {
        if (each->executions_by_phase != NULL && each->executions_by_phase[phase] != 0) {
            item("[%" PRIu64 ",%" PRIu64 "]", each->index, each->executions_by_phase[phase], 0);
        }
    }
    fputc(']', out);
}

static void write_accesses(size_t phase) {
    list_begin("accesses");
    for (const access *each = run.accesses; each != NULL; each = each->next) {
        for (size_t i = 0; i <= run.ranges; i++) {
            const access_counts *n = each->by_phase[i] == NULL ? NULL : &each->by_phase[i][phase];
            if (n != NULL && n->loads + n->stores != 0) {
                long memory = i < run.ranges ? (long)i : -1;
                fprintf(out,
                        "%s[%" PRIu32 ",%ld,%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
                        ",%" PRIu64 ",%" PRIu64 "]",
                        separator, each->address, memory, each->size_bytes, n->loads, n->stores,
                        n->misaligned, n->odd, n->same_bank);
                separator = ",";
            }
        }
    }
    fputc(']', out);
}

static void write_data_fills(size_t phase) {
    list_begin("data_fills");
    for (const access *each = run.accesses; each != NULL; each = each->next) {
        for (size_t i = 0; i < run.ranges; i++) {
            const access_counts *n = each->by_phase[i] == NULL ? NULL : &each->by_phase[i][phase];
            for (size_t c = 0; n != NULL && c < run.data_cache_count; c++) {
                if (n->fill_loads[c] + n->fill_stores[c] != 0) {
                    fprintf(out, "%s[%zu,%" PRIu32 ",%zu,%" PRIu64 ",%" PRIu64 "]", separator, c,
                            each->address, i, n->fill_loads[c], n->fill_stores[c]);
                    separator = ",";
                }
            }
        }
    }
    fputc(']', out);
}

static void write_phase(size_t phase) {
    fprintf(out, "{\"event\":%ld,\"visits\":%" PRIu64, (long)phase - 1, run.visits[phase]);
    if (run.mode == COUNT_EXECUTIONS) {
        write_executions(phase);
        list_begin("watched");
        watch_write(out, phase);
        fputc(']', out);
    } else {
        list_begin("edges");
        write_edges(&before_the_first, -1, phase);
        for (const block *each = run.blocks; each != NULL; each = each->next) {
            write_edges(each, (long)each->index, phase);
        }
        fputc(']', out);
    }
    list_begin("mispredicted");
    for (const block *each = run.blocks; each != NULL; each = each->next) {
        if (each->mispredicted_by_phase != NULL && each->mispredicted_by_phase[phase] != 0) {
            item("[%" PRIu64 ",%" PRIu64 "]", each->index, each->mispredicted_by_phase[phase], 0);
        }
    }
    fputc(']', out);
    write_accesses(phase);
    write_data_fills(phase);
    list_begin("instruction_fills");
    for (const block *each = run.blocks; each != NULL; each = each->next) {
        for (size_t c = 0; c < run.instruction_cache_count; c++) {
            if (each->fills_by_phase[c] != NULL && each->fills_by_phase[c][phase] != 0) {
                item("[%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]", c, each->index,
                     each->fills_by_phase[c][phase]);
            }
        }
    }
    fputs("]}", out);
}

void profile_write(void) {
    char temporary[4096];
    if (snprintf(temporary, sizeof temporary, "%s.part", run.path) >= (int)sizeof temporary ||
        (out = fopen(temporary, "w")) == NULL) {
        fprintf(stderr, "qrig profile: cannot write %s\n", run.path);
        exit(1);
    }
    fprintf(out, "{\"plugin\":1,\"inferences\":%" PRIu64 ",\"mark\":%" PRIu32,
            run.visits[run.phases - 1], run.mark);
    list_begin("blocks");
    for (const block *each = run.blocks; each != NULL; each = each->next) {
        item("[%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]", each->address, each->bytes,
             each->instructions);
    }
    fputs("],\"phases\":[", out);
    for (size_t phase = 0; phase < run.phases; phase++) {
        fputs(phase == 0 ? "" : ",", out);
        write_phase(phase);
    }
    fputs("]}\n", out);
    if (ferror(out) || fclose(out) != 0 || rename(temporary, run.path) != 0) {
        fprintf(stderr, "qrig profile: cannot write %s\n", run.path);
        exit(1);
    }
}
