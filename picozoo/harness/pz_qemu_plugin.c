/* QEMU TCG plugin: counts basic blocks into a file that picozoo maps too, see emulate/qemu.py.
 *
 * Only the few calls of QEMU's plugin interface that are used are declared here, so no QEMU header is needed; the
 * interface is described in QEMU's own documentation (docs/devel/tcg-plugins). One emulated core with 32-bit addresses.
 */
#include <stddef.h>

#include "pz_blocks.h"

#ifndef PZ_PLUGIN_VERSION
#define PZ_PLUGIN_VERSION 1
#endif

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*callback)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, void (*callback)(unsigned int cpu, void *user),
                                          int flags, void *user);

/* From the C library that QEMU itself uses. */
int open(const char *path, int flags, ...);
void *mmap(void *address, size_t size, int protection, int flags, int file, long offset);

/* The mapped file: this head, then kind_of[], then the table. */
typedef struct {
    pz_blocks blocks;
    uint64_t file_size;
    uint64_t kinds_at, table_at;
    uint64_t harness_base, harness_end; /* start-up and monitor: never counted */
} pz_shared;

static pz_shared *pz_state;

__attribute__((visibility("default"))) int qemu_plugin_version = PZ_PLUGIN_VERSION;

/* The block's address and size travel in the user pointer itself. */
static void pz_executed(unsigned int cpu, void *user)
{
    uint64_t packed = (uint64_t)(uintptr_t)user;
    uint64_t address = packed >> 32;
    (void)cpu;
    if (address >= pz_state->harness_base && address < pz_state->harness_end) {
        pz_state->blocks.layer = 1u;
        pz_state->blocks.last = 0;
        return;
    }
    pz_block_run(&pz_state->blocks, address, (uint32_t)packed);
}

static void pz_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    uint64_t size = 0;
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        size += qemu_plugin_insn_size(qemu_plugin_tb_get_insn(tb, i));
    }
    uint64_t packed = qemu_plugin_tb_vaddr(tb) << 32 | size;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, pz_executed, 0, (void *)(uintptr_t)packed);
}

/* Arguments: state=PATH and size=BYTES, in this order. */
__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc,
                                                               char **argv)
{
    (void)info;
    if (argc != 2) {
        return 1;
    }
    size_t size = 0;
    for (const char *c = argv[1] + 5; *c >= '0' && *c <= '9'; c++) {
        size = size * 10u + (size_t)(*c - '0');
    }
    int file = open(argv[0] + 6, 2 /* read and write */);
    if (file < 0) {
        return 1;
    }
    void *memory = mmap(0, size, 3 /* read, write */, 1 /* shared */, file, 0);
    if (memory == (void *)-1) {
        return 1;
    }
    pz_state = (pz_shared *)memory;
    pz_state->blocks.kind_of = (const uint16_t *)((char *)memory + pz_state->kinds_at);
    pz_state->blocks.table = (pz_block *)((char *)memory + pz_state->table_at);
    qemu_plugin_register_vcpu_tb_trans_cb(id, pz_translated);
    return 0;
}
