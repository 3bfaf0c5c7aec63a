/* Counts how often each basic block of an emulated program runs, split by the layer it runs for.
 *
 * Used by the Unicorn hook (pz_unicorn_hook.c) and by the QEMU plugin (pz_qemu_plugin.c); one emulated thread.
 *
 * kind_of[(address - base) >> 1] says whose code an address is:
 *   0      shared helper: charged to the layer that is running
 *   1      driver of the network: no layer is running
 *   k >= 2 layer number k: becomes the running layer
 */
#ifndef PZ_BLOCKS_H
#define PZ_BLOCKS_H

#include <stdint.h>

typedef struct {
    uint64_t address;
    uint32_t size;  /* bytes of code in the block */
    uint32_t layer; /* as kind_of */
    uint64_t count; /* times it ran */
    uint64_t taken; /* times it did not fall through to the next address */
} pz_block;

typedef struct {
    pz_block *table; /* open addressing; count == 0 and size == 0 marks a free place */
    uint64_t slots;  /* a power of two */
    uint64_t used;
    const uint16_t *kind_of;
    uint64_t base, end; /* addresses that kind_of covers */
    pz_block *last;     /* block that ran just before, or 0 */
    uint64_t steps;     /* bytes of code run since the budget was set */
    uint64_t budget;    /* stop when steps passes this */
    uint32_t layer;     /* running layer */
    uint32_t counting;
    uint32_t full;    /* the table had no room: counts are not complete */
    uint32_t stopped; /* the budget ran out */
} pz_blocks;

/* The place of a block in the table; 0 if the table is full. */
static inline pz_block *pz_block_at(pz_blocks *b, uint64_t address, uint32_t size, uint32_t layer)
{
    uint64_t mask = b->slots - 1u;
    uint64_t hash = (address >> 1) * 0x9E3779B97F4A7C15u + ((uint64_t)layer << 32 | size) * 0xC2B2AE3D27D4EB4Fu;
    for (uint64_t at = (hash >> 20) & mask;; at = (at + 1u) & mask) {
        pz_block *place = &b->table[at];
        if (place->address == address && place->size == size && place->layer == layer) {
            return place;
        }
        if (place->size == 0u) {
            if (b->used * 4u >= b->slots * 3u) {
                b->full = 1u;
                return 0;
            }
            b->used++;
            place->address = address;
            place->size = size;
            place->layer = layer;
            return place;
        }
    }
}

/* Called at the start of every block. Returns nonzero when the budget has run out. */
static inline int pz_block_run(pz_blocks *b, uint64_t address, uint32_t size)
{
    b->steps += size;
    if (b->counting) {
        uint32_t kind = 0;
        if (address >= b->base && address < b->end) {
            kind = b->kind_of[(address - b->base) >> 1];
        }
        if (kind != 0u) {
            b->layer = kind;
        }
        if (b->last != 0 && b->last->address + b->last->size != address) {
            b->last->taken++;
        }
        pz_block *place = pz_block_at(b, address, size, b->layer);
        if (place != 0) {
            place->count++;
        }
        b->last = place;
    }
    if (b->steps > b->budget) {
        b->stopped = 1u;
        return 1;
    }
    return 0;
}

#endif
