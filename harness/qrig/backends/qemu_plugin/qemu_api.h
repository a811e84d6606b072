/* The part of QEMU's TCG plugin interface that is used here, declared by hand: no distribution
 * packages the header of every version, and a plugin finds these functions in the emulator that
 * loads it. Version 1 is that of QEMU 6 to 8. QEMU 9 made 2 the least it takes and removed
 * functions that are not used here; 3 and later add to it. Source: QEMU's documentation of TCG
 * plugins. */
#ifndef QRIG_QEMU_API_H
#define QRIG_QEMU_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef QRIG_PLUGIN_API
#error "define QRIG_PLUGIN_API as 1 (QEMU 6 to 8) or 2 (QEMU 9 and later)"
#endif

#define QEMU_EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

typedef struct {
    const char *target_name;
    struct {
        int min, cur;
    } version;
    bool system_emulation;
    union {
        struct {
            int smp_vcpus, max_vcpus;
        } system;
    };
} qemu_info_t;

enum { QEMU_NO_REGISTERS = 0 };
enum { QEMU_ADD_U64 = 0 };
enum { QEMU_READ = 1, QEMU_WRITE = 2, QEMU_READ_WRITE = 3 };

typedef void (*qemu_translation)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*qemu_execution)(unsigned, void *);
typedef void (*qemu_access)(unsigned, qemu_plugin_meminfo_t, uint64_t, void *);
typedef void (*qemu_event)(qemu_plugin_id_t, void *);
typedef void (*qemu_cpu_event)(qemu_plugin_id_t, unsigned);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, qemu_translation);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, qemu_execution, int, void *);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, qemu_access, int, int, void *);
void qemu_plugin_register_vcpu_idle_cb(qemu_plugin_id_t, qemu_cpu_event);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, qemu_event, void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
unsigned qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t);

#if QRIG_PLUGIN_API == 1

void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int, void *, uint64_t);

#else

struct qemu_plugin_scoreboard;
typedef struct {
    struct qemu_plugin_scoreboard *score;
    size_t offset;
} qemu_plugin_u64;

struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t);
void *qemu_plugin_scoreboard_find(struct qemu_plugin_scoreboard *, unsigned);
void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(struct qemu_plugin_tb *, int,
                                                       qemu_plugin_u64, uint64_t);

#endif

#endif
