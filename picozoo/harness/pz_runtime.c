/* Functions that C compilers call behind the program's back: memory and 64-bit integers (pz_runtime_float.c: float).
 *
 * Clang's own runtime library would do, but zig builds it for seconds at the first use on every core; these are enough
 * for networks, compile in 50 ms and are dropped by the linker where not needed. Doubles are not here on purpose: if a
 * network uses them, the compiler's library is linked after all.
 *
 * Names: the Arm run-time ABI (Arm IHI 0043) on Arm, libgcc's names elsewhere. On AVR see pz_runtime_avr.S too.
 */
#include "pz_runtime.h"

/* ---- memory ---------------------------------------------------------------------------------------------------- */

typedef uint32_t __attribute__((may_alias)) pz_word;

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);
int memcmp(const void *a, const void *b, size_t n);

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    uint8_t *t = (uint8_t *)to;
    const uint8_t *f = (const uint8_t *)from;
#if !defined(__AVR__)
    if ((((uintptr_t)t | (uintptr_t)f) & 3u) == 0u) {
        for (; n >= 16u; n -= 16u, t += 16, f += 16) {
            uint32_t a = ((const pz_word *)f)[0], b = ((const pz_word *)f)[1];
            uint32_t c = ((const pz_word *)f)[2], d = ((const pz_word *)f)[3];
            ((pz_word *)t)[0] = a, ((pz_word *)t)[1] = b;
            ((pz_word *)t)[2] = c, ((pz_word *)t)[3] = d;
        }
        for (; n >= 4u; n -= 4u, t += 4, f += 4) {
            *(pz_word *)t = *(const pz_word *)f;
        }
    }
#endif
    for (; n != 0u; n--) {
        *t++ = *f++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    uint8_t *t = (uint8_t *)to;
    const uint8_t *f = (const uint8_t *)from;
    if ((uintptr_t)t - (uintptr_t)f >= n) { /* forwards is safe: `to` is below, or past the end */
        return memcpy(to, from, n);
    }
    while (n-- != 0u) {
        t[n] = f[n];
    }
    return to;
}

void *memset(void *to, int value, size_t n)
{
    uint8_t *t = (uint8_t *)to;
#if !defined(__AVR__)
    uint32_t word = (uint32_t)(value & 255) * 0x01010101u;
    for (; n != 0u && ((uintptr_t)t & 3u) != 0u; n--) {
        *t++ = (uint8_t)value;
    }
    for (; n >= 16u; n -= 16u, t += 16) {
        ((pz_word *)t)[0] = word, ((pz_word *)t)[1] = word;
        ((pz_word *)t)[2] = word, ((pz_word *)t)[3] = word;
    }
    for (; n >= 4u; n -= 4u, t += 4) {
        *(pz_word *)t = word;
    }
#endif
    for (; n != 0u; n--) {
        *t++ = (uint8_t)value;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *p = (const uint8_t *)a, *q = (const uint8_t *)b;
    for (; n != 0u; n--, p++, q++) {
        if (*p != *q) {
            return *p < *q ? -1 : 1;
        }
    }
    return 0;
}

#if defined(__arm__)
void __aeabi_memcpy(void *to, const void *from, size_t n);
void __aeabi_memcpy4(void *to, const void *from, size_t n);
void __aeabi_memcpy8(void *to, const void *from, size_t n);
void __aeabi_memmove(void *to, const void *from, size_t n);
void __aeabi_memmove4(void *to, const void *from, size_t n);
void __aeabi_memmove8(void *to, const void *from, size_t n);
void __aeabi_memset(void *to, size_t n, int value);
void __aeabi_memset4(void *to, size_t n, int value);
void __aeabi_memset8(void *to, size_t n, int value);
void __aeabi_memclr(void *to, size_t n);
void __aeabi_memclr4(void *to, size_t n);
void __aeabi_memclr8(void *to, size_t n);

void __aeabi_memcpy(void *to, const void *from, size_t n) { memcpy(to, from, n); }
void __aeabi_memcpy4(void *to, const void *from, size_t n) { memcpy(to, from, n); }
void __aeabi_memcpy8(void *to, const void *from, size_t n) { memcpy(to, from, n); }
void __aeabi_memmove(void *to, const void *from, size_t n) { memmove(to, from, n); }
void __aeabi_memmove4(void *to, const void *from, size_t n) { memmove(to, from, n); }
void __aeabi_memmove8(void *to, const void *from, size_t n) { memmove(to, from, n); }
void __aeabi_memset(void *to, size_t n, int value) { memset(to, value, n); }
void __aeabi_memset4(void *to, size_t n, int value) { memset(to, value, n); }
void __aeabi_memset8(void *to, size_t n, int value) { memset(to, value, n); }
void __aeabi_memclr(void *to, size_t n) { memset(to, 0, n); }
void __aeabi_memclr4(void *to, size_t n) { memset(to, 0, n); }
void __aeabi_memclr8(void *to, size_t n) { memset(to, 0, n); }
#endif

#if !defined(PZ_RUNTIME_MEMORY_ONLY) && !defined(__wasm__) && !defined(__aarch64__)

/* ---- integers -------------------------------------------------------------------------------------------------- */

/* Quotient and remainder by shift and subtract; division by zero gives 0 and the dividend, as Arm's SDIV gives 0. */
typedef struct {
    uint32_t quotient, rest;
} pz_pair;

PZ_INLINE pz_pair pz_udivmod32(uint32_t n, uint32_t d)
{
    pz_pair r = {0u, n};
    if (d == 0u || d > n) {
        return r;
    }
    uint32_t shift = pz_clz(d) - pz_clz(n);
    d <<= shift;
    for (uint32_t bit = (uint32_t)1 << shift; bit != 0u; bit >>= 1, d >>= 1) {
        if (r.rest >= d) {
            r.rest -= d;
            r.quotient |= bit;
        }
    }
    return r;
}

uint64_t pz_udivmod64(uint64_t n, uint64_t d, uint64_t *rest);
uint64_t pz_divmod64(int64_t n, int64_t d, int64_t *rest);

__attribute__((noinline)) uint64_t pz_udivmod64(uint64_t n, uint64_t d, uint64_t *rest)
{
    pz_u64 nn = {n}, dd = {d};
    uint64_t quotient = 0;
    if (nn.half.high == 0u && dd.half.high == 0u) {
#if defined(__ARM_FEATURE_IDIV) || defined(__riscv_div)
        uint32_t q = dd.half.low != 0u ? nn.half.low / dd.half.low : 0u;
        *rest = nn.half.low - q * dd.half.low;
        return q;
#else
        pz_pair small = pz_udivmod32(nn.half.low, dd.half.low);
        *rest = small.rest;
        return small.quotient;
#endif
    }
    *rest = n;
    if (d == 0u || d > n) {
        return 0u;
    }
    uint32_t zeros_n = nn.half.high != 0u ? pz_clz(nn.half.high) : 32u + pz_clz(nn.half.low);
    uint32_t zeros_d = dd.half.high != 0u ? pz_clz(dd.half.high) : 32u + pz_clz(dd.half.low);
    uint32_t shift = zeros_d - zeros_n;
    d = pz_shl64(d, shift);
    for (uint32_t i = 0; i <= shift; i++) {
        quotient += quotient;
        if (n >= d) {
            n -= d;
            quotient |= 1u;
        }
        d = pz_shr64(d, 1u, 0u);
    }
    *rest = n;
    return quotient;
}

__attribute__((noinline)) uint64_t pz_divmod64(int64_t n, int64_t d, int64_t *rest)
{
    uint64_t r;
    uint64_t q = pz_udivmod64(n < 0 ? 0u - (uint64_t)n : (uint64_t)n, d < 0 ? 0u - (uint64_t)d : (uint64_t)d, &r);
    *rest = (int64_t)(n < 0 ? 0u - r : r);
    return (n < 0) != (d < 0) ? 0u - q : q;
}

#if defined(__arm__)

#define PZ_DIVMOD64(NAME, WORKER)                                                                                      \
    __attribute__((naked)) void NAME(void);                                                                            \
    __attribute__((naked)) void NAME(void)                                                                             \
    {                                                                                                                  \
        /* Quotient in r0:r1 and remainder in r2:r3 cannot be said in C. */                                            \
        __asm__ volatile("push {r4, lr}\n\t sub sp, #16\n\t add r4, sp, #8\n\t str r4, [sp]\n\t bl " #WORKER           \
                         "\n\t ldr r2, [sp, #8]\n\t ldr r3, [sp, #12]\n\t add sp, #16\n\t pop {r4, pc}");              \
    }
PZ_DIVMOD64(__aeabi_uldivmod, pz_udivmod64)
PZ_DIVMOD64(__aeabi_ldivmod, pz_divmod64)

uint64_t __aeabi_llsl(uint64_t x, int by);
uint64_t __aeabi_llsr(uint64_t x, int by);
int64_t __aeabi_lasr(int64_t x, int by);
uint64_t __aeabi_llsl(uint64_t x, int by) { return pz_shl64(x, (uint32_t)by); }
uint64_t __aeabi_llsr(uint64_t x, int by) { return pz_shr64(x, (uint32_t)by, 0u); }
int64_t __aeabi_lasr(int64_t x, int by)
{
    pz_u64 v = {(uint64_t)x};
    return (int64_t)pz_shr64(v.all, (uint32_t)by, 0u - (v.half.high >> 31));
}

#if defined(__ARM_ARCH_6M__)
uint64_t __aeabi_lmul(uint64_t a, uint64_t b);
int __clzsi2(uint32_t x);
uint64_t __aeabi_uidivmod(uint32_t n, uint32_t d);
uint64_t __aeabi_idivmod(int32_t n, int32_t d);
uint32_t __aeabi_uidiv(uint32_t n, uint32_t d);
int32_t __aeabi_idiv(int32_t n, int32_t d);

uint64_t __aeabi_lmul(uint64_t a, uint64_t b)
{
    pz_u64 x = {a}, y = {b}, r;
    r.all = pz_umull(x.half.low, y.half.low);
    r.half.high += x.half.low * y.half.high + x.half.high * y.half.low;
    return r.all;
}

int __clzsi2(uint32_t x) { return (int)pz_clz(x); }

/* {quotient, remainder} in r0 and r1 is a 64-bit number to C. */
uint64_t __aeabi_uidivmod(uint32_t n, uint32_t d)
{
    pz_pair p = pz_udivmod32(n, d);
    pz_u64 r;
    r.half.low = p.quotient;
    r.half.high = p.rest;
    return r.all;
}

uint64_t __aeabi_idivmod(int32_t n, int32_t d)
{
    pz_pair p = pz_udivmod32(n < 0 ? 0u - (uint32_t)n : (uint32_t)n, d < 0 ? 0u - (uint32_t)d : (uint32_t)d);
    pz_u64 r;
    r.half.low = (n ^ d) < 0 ? 0u - p.quotient : p.quotient;
    r.half.high = n < 0 ? 0u - p.rest : p.rest;
    return r.all;
}

uint32_t __aeabi_uidiv(uint32_t n, uint32_t d) { return (uint32_t)__aeabi_uidivmod(n, d); }
int32_t __aeabi_idiv(int32_t n, int32_t d) { return (int32_t)(uint32_t)__aeabi_idivmod(n, d); }
#endif

#else /* not Arm */

uint64_t __udivdi3(uint64_t n, uint64_t d);
uint64_t __umoddi3(uint64_t n, uint64_t d);
int64_t __divdi3(int64_t n, int64_t d);
int64_t __moddi3(int64_t n, int64_t d);
uint64_t __ashldi3(uint64_t x, int by);
uint64_t __lshrdi3(uint64_t x, int by);
int64_t __ashrdi3(int64_t x, int by);
uint64_t __muldi3(uint64_t a, uint64_t b);

uint64_t __udivdi3(uint64_t n, uint64_t d)
{
    uint64_t rest;
    return pz_udivmod64(n, d, &rest);
}

uint64_t __umoddi3(uint64_t n, uint64_t d)
{
    uint64_t rest;
    pz_udivmod64(n, d, &rest);
    return rest;
}

int64_t __divdi3(int64_t n, int64_t d)
{
    int64_t rest;
    return (int64_t)pz_divmod64(n, d, &rest);
}

int64_t __moddi3(int64_t n, int64_t d)
{
    int64_t rest;
    pz_divmod64(n, d, &rest);
    return rest;
}

uint64_t __ashldi3(uint64_t x, int by) { return pz_shl64(x, (uint32_t)by); }
uint64_t __lshrdi3(uint64_t x, int by) { return pz_shr64(x, (uint32_t)by, 0u); }
int64_t __ashrdi3(int64_t x, int by)
{
    pz_u64 v = {(uint64_t)x};
    return (int64_t)pz_shr64(v.all, (uint32_t)by, 0u - (v.half.high >> 31));
}

uint64_t __muldi3(uint64_t a, uint64_t b)
{
    pz_u64 x = {a}, y = {b}, r;
    r.all = pz_umull(x.half.low, y.half.low);
    r.half.high += x.half.low * y.half.high + x.half.high * y.half.low;
    return r.all;
}
#endif

#endif
