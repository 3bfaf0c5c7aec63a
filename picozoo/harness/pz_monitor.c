/* Serves requests over a byte stream: read and write memory, call a function, measure stack.
 *
 * The other side is picozoo/emulate/_protocol.py; the frames are described there. The same monitor runs on an emulated
 * board and on a real one.
 */
#include "pz_monitor.h"

#define PZ_SYNC 0xA5
#define PZ_OK 0x80
#define PZ_FAULT 0xEE
#define PZ_REFUSED 0xEF
#define PZ_PATTERN 0xC5
#define PZ_STACK_LIMIT (256u * 1024u)

extern uint8_t __pz_end[];

typedef struct {
    uint8_t a, b; /* Fletcher-16 */
} pz_sum;

static uintptr_t pz_call_sp PZ_HARNESS_BSS;

PZ_HARNESS_INLINE void pz_sum_add(pz_sum *s, int byte)
{
    uint32_t a = (uint32_t)s->a + (uint32_t)byte;
    a = a >= 255u ? a - 255u : a;
    a = a >= 255u ? a - 255u : a;
    uint32_t b = (uint32_t)s->b + a;
    s->a = (uint8_t)a;
    s->b = (uint8_t)(b >= 255u ? b - 255u : b);
}

static PZ_HARNESS int pz_get(pz_sum *s)
{
    int byte = pz_board_get();
    pz_sum_add(s, byte);
    return byte;
}

static PZ_HARNESS void pz_put(pz_sum *s, int byte)
{
    pz_sum_add(s, byte & 255);
    pz_board_put(byte & 255);
}

static PZ_HARNESS uint32_t pz_get32(pz_sum *s)
{
    uint32_t value = 0;
    for (int shift = 0; shift < 32; shift += 8) {
        value |= (uint32_t)pz_get(s) << shift;
    }
    return value;
}

static PZ_HARNESS void pz_put32(pz_sum *s, uint32_t value)
{
    for (int shift = 0; shift < 32; shift += 8) {
        pz_put(s, (int)(value >> shift));
    }
}

static PZ_HARNESS void pz_begin(pz_sum *s, int type, uint32_t size)
{
    s->a = s->b = 0;
    pz_board_put(PZ_SYNC);
    pz_put(s, type);
    pz_put32(s, size);
}

static PZ_HARNESS void pz_end(const pz_sum *s)
{
    int a = s->a, b = s->b;
    pz_board_put(a);
    pz_board_put(b);
}

static PZ_HARNESS int pz_sum_good(const pz_sum *s)
{
    int a = s->a, b = s->b;
    int got_a = pz_board_get(), got_b = pz_board_get();
    return a == got_a && b == got_b;
}

static PZ_HARNESS void pz_answer(int type, uint32_t value)
{
    pz_sum s;
    pz_begin(&s, type, 4);
    pz_put32(&s, value);
    pz_end(&s);
}

static PZ_HARNESS uint32_t pz_call(uintptr_t function, const uint32_t *args)
{
    typedef uint32_t (*pz_function)(uintptr_t, uintptr_t, uintptr_t, uintptr_t);
    pz_call_sp = (uintptr_t)__builtin_frame_address(0);
    return ((pz_function)function)(args[0], args[1], args[2], args[3]);
}

PZ_HARNESS_INLINE uint8_t *pz_stack_low(uintptr_t top)
{
    uintptr_t low = (uintptr_t)__pz_end;
    return (uint8_t *)(top - low > PZ_STACK_LIMIT ? top - PZ_STACK_LIMIT : low);
}

static PZ_HARNESS uint32_t pz_paint(void)
{
    uintptr_t top = (uintptr_t)__builtin_frame_address(0) - 128u;
    for (volatile uint8_t *p = pz_stack_low(top); (uintptr_t)p < top; p++) {
        *p = PZ_PATTERN;
    }
    return 0;
}

static PZ_HARNESS uint32_t pz_stack_used(void)
{
    const volatile uint8_t *p = pz_stack_low((uintptr_t)__builtin_frame_address(0) - 128u);
    while ((uintptr_t)p < pz_call_sp && *p == PZ_PATTERN) {
        p++;
    }
    return pz_call_sp > (uintptr_t)p ? (uint32_t)(pz_call_sp - (uintptr_t)p) : 0u;
}

static PZ_HARNESS void pz_read(pz_sum *s)
{
    uint32_t address = pz_get32(s), size = pz_get32(s);
    if (!pz_sum_good(s)) {
        pz_answer(PZ_REFUSED, 1);
        return;
    }
    pz_begin(s, PZ_OK | 'R', size);
    for (const volatile uint8_t *p = (const volatile uint8_t *)(uintptr_t)address; size != 0u; size--, p++) {
        pz_put(s, *p);
    }
    pz_end(s);
}

static PZ_HARNESS void pz_write(pz_sum *s, uint32_t size)
{
    uint32_t address = pz_get32(s);
    for (volatile uint8_t *p = (volatile uint8_t *)(uintptr_t)address; size > 4u; size--, p++) {
        *p = (uint8_t)pz_get(s);
    }
    pz_answer(pz_sum_good(s) ? PZ_OK | 'W' : PZ_REFUSED, 1);
}

static PZ_HARNESS void pz_run(pz_sum *s)
{
    uint32_t function = pz_get32(s), args[4];
    for (int i = 0; i < 4; i++) {
        args[i] = pz_get32(s);
    }
    if (!pz_sum_good(s)) {
        pz_answer(PZ_REFUSED, 1);
        return;
    }
    pz_answer(PZ_OK | 'C', pz_call(function, args));
}

static PZ_HARNESS void pz_serve(void)
{
    while (pz_board_get() != PZ_SYNC) {
    }
    pz_sum s = {0, 0};
    int type = pz_get(&s);
    uint32_t size = pz_get32(&s);
    if (type == 'R' && size == 8u) {
        pz_read(&s);
    } else if (type == 'W' && size >= 4u) {
        pz_write(&s, size);
    } else if (type == 'C' && size == 20u) {
        pz_run(&s);
    } else if (size == 0u) {
        int good = pz_sum_good(&s);
        if (good && type == 'H') {
            pz_answer(PZ_OK | 'H', 1); /* protocol version */
        } else if (good && type == 'P') {
            pz_answer(PZ_OK | 'P', pz_paint());
        } else if (good && type == 'S') {
            pz_answer(PZ_OK | 'S', pz_stack_used());
        } else {
            pz_answer(PZ_REFUSED, 2);
        }
    } else {
        pz_answer(PZ_REFUSED, 3);
    }
}

PZ_HARNESS void pz_monitor_resume(void)
{
    for (;;) {
        pz_serve();
    }
}

PZ_HARNESS void pz_monitor(void)
{
    pz_board_init();
    pz_monitor_resume();
}

PZ_HARNESS void pz_monitor_fault(uint32_t pc, uint32_t status)
{
    pz_sum s;
    pz_begin(&s, PZ_FAULT, 8);
    pz_put32(&s, pc);
    pz_put32(&s, status);
    pz_end(&s);
}
