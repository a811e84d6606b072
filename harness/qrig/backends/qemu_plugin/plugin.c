/* A plugin for QEMU's TCG that profiles a firmware phase by phase.
 *
 * The firmware begins a phase by a store to one of a row of bytes; the only instructions that do so
 * lie in one function, so that nothing else needs to be watched. Do not combine it with -icount,
 * under which a block may be announced and then put off. Arguments:
 *
 *   out=FILE                    where the profile goes when the last event was marked and the core
 * idles marks=ADDRESS events=N      the row of bytes mark_begin=A mark_end=B     the function that
 * stores to it range=ORIGIN:BYTES          a memory, in the order of their numbers mode=N 0
 * executions of blocks, 1 edges between them, 2 accesses and caches, too
 * data_cache=BYTES:LINE:WAYS:MASK, instruction_cache=...   MASK has a bit per cached range probe=1
 * only show that the plugin loads
 */
#include "counters.h"
#include "profile.h"
#include "qemu_api.h"
#include "watch.h"
#include <stdlib.h>
#include <string.h>

QEMU_EXPORT int qemu_plugin_version = QRIG_PLUGIN_API;
QEMU_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
                                    char **argv);

profile run = {
    .block_tail = &run.blocks, .access_tail = &run.accesses, .previous = &before_the_first};
static uint32_t marks, mark_begin, mark_end;

void *allocate(size_t count, size_t bytes) {
    void *memory = calloc(count, bytes);
    if (memory == NULL) {
        fputs("qrig profile: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

static void on_mark(unsigned cpu, qemu_plugin_meminfo_t what, uint64_t address, void *data) {
    (void)cpu;
    (void)what;
    run.mark = (uint32_t)(uintptr_t)data;
    size_t event = (uint32_t)address - marks;
    if (event >= run.events) {
        return;
    }
    phase_begin(event + 1);
    if (event == run.fresh && event != 0) {
        blocks_forget();
        caches_forget();
    }
    if (event + 1 == run.events) {
        (void)remove(run.path); /* it is old now */
        run.due = true;
        run.phase = 1; /* back in the harness */
        run.visits[run.phase]++;
    }
}

static void on_access(unsigned cpu, qemu_plugin_meminfo_t what, uint64_t address, void *data) {
    (void)cpu;
    access_count(data, (uint32_t)address, 1u << (qemu_plugin_mem_size_shift(what) & 3u),
                 qemu_plugin_mem_is_store(what));
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    (void)id;
    size_t count = qemu_plugin_tb_n_insns(tb);
    uint32_t start = (uint32_t)qemu_plugin_tb_vaddr(tb), end = start, last = start;
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *each = qemu_plugin_tb_get_insn(tb, i);
        uint32_t address = (uint32_t)qemu_plugin_insn_vaddr(each);
        /* Sizes cannot be summed: before a page ends, QEMU 7 adds a look at the next instruction.
         */
        last = address;
        end = address + (uint32_t)qemu_plugin_insn_size(each);
        if (address >= mark_begin && address < mark_end) {
            qemu_plugin_register_vcpu_mem_cb(each, on_mark, QEMU_NO_REGISTERS, QEMU_WRITE,
                                             (void *)(uintptr_t)address);
        }
        if (run.mode == COUNT_ACCESSES) {
            qemu_plugin_register_vcpu_mem_cb(each, on_access, QEMU_NO_REGISTERS, QEMU_READ_WRITE,
                                             access_find(address));
        }
    }
    block *translated = block_find(start, (uint32_t)count, end - start, last);
    if (run.mode == COUNT_EXECUTIONS) {
        watch_block(tb, start, last, translated->index);
        counter_add(tb, translated->index);
    } else {
        qemu_plugin_register_vcpu_tb_exec_cb(
            tb, run.mode == COUNT_ACCESSES ? block_fetched : block_executed, QEMU_NO_REGISTERS,
            translated);
    }
}

/* The core waits for the host: now is the time for what need not delay an inference. */
static void on_idle(qemu_plugin_id_t id, unsigned cpu) {
    (void)id;
    (void)cpu;
    if (run.due) {
        run.due = false;
        profile_write();
        run.written = true;
    }
}

static void on_exit(qemu_plugin_id_t id, void *data) {
    (void)data;
    if (!run.due && !run.written) {
        phase_begin(run.phase);
        run.visits[run.phase]--;
        run.due = true;
    }
    on_idle(id, 0);
}

static uint32_t number(const char *text) {
    return (uint32_t)strtoul(text, NULL, 0);
}

/* Take one argument; zero if it is not understood. */
static int take(const char *text) {
    const char *value = strchr(text, '=');
    if (value++ == NULL) {
        return 0;
    }
    size_t length = (size_t)(value - text);
    if (!strncmp(text, "out=", length)) {
        run.path = value;
    } else if (!strncmp(text, "marks=", length)) {
        marks = number(value);
    } else if (!strncmp(text, "events=", length)) {
        run.events = number(value);
    } else if (!strncmp(text, "fresh=", length)) {
        run.fresh = number(value);
    } else if (!strncmp(text, "mark_begin=", length)) {
        mark_begin = number(value);
    } else if (!strncmp(text, "mark_end=", length)) {
        mark_end = number(value);
    } else if (!strncmp(text, "mode=", length)) {
        run.mode = (int)number(value);
        return run.mode <= COUNT_ACCESSES;
    } else if (!strncmp(text, "edge=", length)) {
        return watch_parse(value);
    } else if (!strncmp(text, "range=", length)) {
        return range_parse(value);
    } else if (!strncmp(text, "data_cache=", length)) {
        return cache_parse(value, run.data_caches, &run.data_cache_count);
    } else if (!strncmp(text, "instruction_cache=", length)) {
        return cache_parse(value, run.instruction_caches, &run.instruction_cache_count);
    } else {
        return 0;
    }
    return 1;
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "probe=", 6)) {
            return 0;
        }
        if (!take(argv[i])) {
            fprintf(stderr, "qrig profile: unknown argument %s\n", argv[i]);
            return 1;
        }
    }
    if (run.path == NULL || run.events == 0 || run.events > 4096) {
        fputs("qrig profile: expected out=FILE and events=1..4096\n", stderr);
        return 1;
    }
    run.phases = run.events + 1;
    run.visits = allocate(run.phases, sizeof *run.visits);
    run.visits[0] = 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_vcpu_idle_cb(id, on_idle);
    qemu_plugin_register_atexit_cb(id, on_exit, NULL);
    return 0;
}
