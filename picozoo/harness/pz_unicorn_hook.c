/* Native block hook for Unicorn: registered through ctypes on uc_hook_add(UC_HOOK_BLOCK). */
#include "pz_blocks.h"

typedef int (*pz_stop)(void *engine);

typedef struct {
    pz_blocks blocks;
    pz_stop stop; /* uc_emu_stop */
} pz_unicorn;

void pz_unicorn_hook(void *engine, uint64_t address, uint32_t size, void *user);

void pz_unicorn_hook(void *engine, uint64_t address, uint32_t size, void *user)
{
    pz_unicorn *state = (pz_unicorn *)user;
    if (pz_block_run(&state->blocks, address, size)) {
        state->stop(engine);
    }
}
