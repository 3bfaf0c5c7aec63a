/* Runs an AVR program in simavr one instruction at a time, counting instructions and cycles for each address and layer.
 *
 * Compiled on the user's machine against simavr's own headers; loaded through ctypes. The layers' meaning is as in
 * pz_blocks.h.
 */
#include <stdint.h>

#include "sim_avr.h"
#include "sim_core.h"

typedef avr_flashaddr_t (*pz_step)(avr_t *avr);

typedef struct {
    const uint16_t *kind_of; /* per word of flash, from address 0 */
    uint64_t *counts;        /* [kinds][words] instructions */
    uint64_t *cycles;        /* [kinds][words] */
    uint64_t words;
    uint64_t budget; /* instructions left */
    uint32_t layer;
    uint32_t counting;
} pz_avr;

void pz_avr_quiet(avr_t *avr, const int level, const char *format, va_list list);
uint8_t *pz_avr_data(avr_t *avr);
uint8_t *pz_avr_flash(avr_t *avr);
uint32_t pz_avr_pc(avr_t *avr);
void pz_avr_prepare(avr_t *avr, uint32_t code_end);
int pz_avr_run(avr_t *avr, pz_avr *state, pz_step step, uint32_t start, uint32_t stop);

/* Logger that says nothing: faults come back as results. */
void pz_avr_quiet(avr_t *avr, const int level, const char *format, va_list list)
{
    (void)avr, (void)level, (void)format, (void)list;
}

uint8_t *pz_avr_data(avr_t *avr) { return avr->data; }
uint8_t *pz_avr_flash(avr_t *avr) { return avr->flash; }
uint32_t pz_avr_pc(avr_t *avr) { return avr->pc; }

void pz_avr_prepare(avr_t *avr, uint32_t code_end)
{
    avr->codeend = code_end;
    avr->frequency = 16000000;
    avr->log = 0;
}

/* 0 returned, 1 budget ran out, 2 the core crashed. */
int pz_avr_run(avr_t *avr, pz_avr *state, pz_step step, uint32_t start, uint32_t stop)
{
    avr->pc = start;
    avr->state = cpu_Running;
    while (avr->pc != stop) {
        uint32_t word = avr->pc >> 1;
        if (word >= state->words) {
            return 2;
        }
        avr->run_cycle_count = 0; /* else simavr runs on to the next timer */
        avr_cycle_count_t before = avr->cycle;
        avr_flashaddr_t next = step(avr);
        if (avr->state != cpu_Running) {
            return 2;
        }
        avr->pc = next;
        if (state->counting) {
            if (state->kind_of[word] != 0u) {
                state->layer = state->kind_of[word];
            }
            uint64_t at = (uint64_t)state->layer * state->words + word;
            state->counts[at]++;
            state->cycles[at] += avr->cycle - before;
        }
        if (state->budget-- == 0u) {
            return 1;
        }
    }
    return 0;
}
