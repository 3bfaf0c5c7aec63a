/* Functions that C compilers call behind the program's back: memory, 64-bit integers, float without an FPU.
 *
 * Clang's own runtime library would do, but zig builds it for seconds at the first use on every core; these are enough
 * for networks, compile in 50 ms and are dropped by the linker where not needed. Doubles are not here on purpose: if a
 * network uses them, the compiler's library is linked after all.
 *
 * Float: IEEE 754 binary32, round to nearest even, subnormals, infinities; every NaN result is quiet. Bit-equal to
 * hardware. Float to integer saturates; NaN gives 0 (as Arm and RISC-V cores do for signed and Arm for NaN).
 *
 * Names: the Arm run-time ABI (Arm IHI 0043) on Arm, libgcc's names elsewhere. On AVR see pz_runtime_avr.S too.
 */
#include <stddef.h>
#include <stdint.h>

#define PZ_INLINE static inline __attribute__((always_inline, unused))
#define PZ_LOCAL static __attribute__((unused))

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

typedef union {
    uint64_t all;
    struct {
        uint32_t low, high; /* little endian, as all our cores */
    } half;
} pz_u64;

/* 32 x 32 -> 64. Armv6-M and AVR have no long multiply: the compiler would call the function that is being defined here. */
PZ_INLINE uint64_t pz_umull(uint32_t a, uint32_t b)
{
#if defined(__ARM_ARCH_6M__) || defined(__AVR__)
    uint32_t al = a & 0xFFFFu, ah = a >> 16, bl = b & 0xFFFFu, bh = b >> 16;
    uint32_t low = al * bl, middle = ah * bl + (low >> 16);
    uint32_t other = al * bh + (middle & 0xFFFFu);
    pz_u64 r;
    r.half.low = (other << 16) | (low & 0xFFFFu);
    r.half.high = ah * bh + (middle >> 16) + (other >> 16);
    return r.all;
#else
    return (uint64_t)a * b;
#endif
}

/* Leading zeros, 32 for 0. */
PZ_INLINE uint32_t pz_clz(uint32_t x)
{
    uint32_t n = 0;
    if (x == 0u) {
        return 32u;
    }
#if defined(__ARM_FEATURE_CLZ)
    n = (uint32_t)__builtin_clz(x);
#else
    if ((x >> 16) == 0u) { n += 16u, x <<= 16; }
    if ((x >> 24) == 0u) { n += 8u, x <<= 8; }
    if ((x >> 28) == 0u) { n += 4u, x <<= 4; }
    if ((x >> 30) == 0u) { n += 2u, x <<= 2; }
    n += 1u - (x >> 31);
#endif
    return n;
}

/* 64-bit shifts from 32-bit ones, by 0 to 63. */
PZ_INLINE uint64_t pz_shl64(uint64_t x, uint32_t by)
{
    pz_u64 v = {x};
    if (by >= 32u) {
        v.half.high = v.half.low << (by & 31u);
        v.half.low = 0u;
    } else if (by != 0u) {
        v.half.high = (v.half.high << by) | (v.half.low >> (32u - by));
        v.half.low <<= by;
    }
    return v.all;
}

PZ_INLINE uint64_t pz_shr64(uint64_t x, uint32_t by, uint32_t fill)
{
    pz_u64 v = {x};
    if (by >= 32u) {
        v.half.low = v.half.high >> (by & 31u);
        if ((by & 31u) != 0u) {
            v.half.low |= fill << (32u - (by & 31u));
        }
        v.half.high = fill;
    } else if (by != 0u) {
        v.half.low = (v.half.low >> by) | (v.half.high << (32u - by));
        v.half.high = (v.half.high >> by) | (fill << (32u - by));
    }
    return v.all;
}

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

/* ---- float ----------------------------------------------------------------------------------------------------- */

#define PZ_SIGN ((uint32_t)0x80000000u)
#define PZ_INFINITY ((uint32_t)0x7F800000u)
#define PZ_NAN ((uint32_t)0x7FC00000u)

/* value = (-1)^sign x m x 2^(e - 127 - 26), m in [2^26, 2^27) unless e <= 1; rounds to nearest even. */
PZ_INLINE uint32_t pz_pack(uint32_t sign, int32_t e, uint32_t m)
{
    if (e >= 255) {
        return sign | PZ_INFINITY;
    }
    if (e < 1) { /* subnormal: lose bits, but remember whether any were set */
        uint32_t by = (uint32_t)(1 - e);
        m = by < 31u ? (m >> by) | (uint32_t)((m << (32u - by)) != 0u) : (uint32_t)(m != 0u);
        e = 1;
    }
    uint32_t bits = ((uint32_t)(e - 1) << 23) + (m >> 3);
    uint32_t low = m & 7u;
    bits += (uint32_t)(low > 4u || (low == 4u && (bits & 1u) != 0u));
    return sign | bits;
}

/* Mantissa with its leading bit at 2^23, and the exponent that goes with it, for a finite number that is not 0. */
PZ_INLINE uint32_t pz_unpack(uint32_t x, int32_t *e)
{
    uint32_t m = x & 0x7FFFFFu;
    *e = (int32_t)((x >> 23) & 255u);
    if (*e != 0) {
        return m | 0x800000u;
    }
    uint32_t shift = pz_clz(m) - 8u;
    *e = 1 - (int32_t)shift;
    return m << shift;
}

PZ_LOCAL uint32_t pz_fadd(uint32_t a, uint32_t b)
{
    if ((a << 1) < (b << 1)) { /* larger magnitude first */
        uint32_t t = a;
        a = b, b = t;
    }
    uint32_t x = a & ~PZ_SIGN, y = b & ~PZ_SIGN;
    int32_t ea = (int32_t)(x >> 23), eb = (int32_t)(y >> 23);
    if (ea == 255) {
        if (x > PZ_INFINITY) {
            return a | 0x400000u;
        }
        return y == PZ_INFINITY && a != b ? PZ_NAN : a;
    }
    if (y == 0u) {
        return x == 0u ? (a & b) : a;
    }
    uint32_t ma = (x & 0x7FFFFFu) << 3, mb = (y & 0x7FFFFFu) << 3;
    if (ea != 0) { ma |= (uint32_t)1 << 26; } else { ea = 1; }
    if (eb != 0) { mb |= (uint32_t)1 << 26; } else { eb = 1; }
    uint32_t by = (uint32_t)(ea - eb);
    if (by != 0u) {
        mb = by < 28u ? (mb >> by) | (uint32_t)((mb << (32u - by)) != 0u) : 1u;
    }
    if (((a ^ b) & PZ_SIGN) == 0u) {
        ma += mb;
        if ((ma >> 27) != 0u) {
            ma = (ma >> 1) | (ma & 1u);
            ea++;
        }
    } else {
        ma -= mb;
        if (ma == 0u) {
            return 0u;
        }
        if ((ma >> 26) == 0u) {
            int32_t shift = (int32_t)pz_clz(ma) - 5;
            if (shift >= ea) {
                shift = ea - 1;
            }
            ma <<= shift;
            ea -= shift;
        }
    }
    return pz_pack(a & PZ_SIGN, ea, ma);
}

PZ_LOCAL uint32_t pz_fmul(uint32_t a, uint32_t b)
{
    uint32_t sign = (a ^ b) & PZ_SIGN, x = a & ~PZ_SIGN, y = b & ~PZ_SIGN;
    if (x >= PZ_INFINITY || y >= PZ_INFINITY) {
        if (x > PZ_INFINITY || y > PZ_INFINITY) {
            return (x > PZ_INFINITY ? a : b) | 0x400000u;
        }
        return x == 0u || y == 0u ? PZ_NAN : sign | PZ_INFINITY;
    }
    if (x == 0u || y == 0u) {
        return sign;
    }
    int32_t ea, eb;
    uint32_t ma = pz_unpack(x, &ea), mb = pz_unpack(y, &eb);
    pz_u64 product = {pz_umull(ma << 6, mb << 6)};
    uint32_t m = product.half.high | (uint32_t)(product.half.low != 0u);
    int32_t e = ea + eb - 127;
    if ((m >> 27) != 0u) {
        m = (m >> 1) | (m & 1u);
        e++;
    }
    return pz_pack(sign, e, m);
}

PZ_LOCAL uint32_t pz_fdiv(uint32_t a, uint32_t b)
{
    uint32_t sign = (a ^ b) & PZ_SIGN, x = a & ~PZ_SIGN, y = b & ~PZ_SIGN;
    if (x >= PZ_INFINITY || y >= PZ_INFINITY) {
        if (x > PZ_INFINITY || y > PZ_INFINITY) {
            return (x > PZ_INFINITY ? a : b) | 0x400000u;
        }
        return y < PZ_INFINITY ? sign | PZ_INFINITY : (x == PZ_INFINITY ? PZ_NAN : sign);
    }
    if (y == 0u) {
        return x == 0u ? PZ_NAN : sign | PZ_INFINITY;
    }
    if (x == 0u) {
        return sign;
    }
    int32_t ea, eb;
    uint32_t ma = pz_unpack(x, &ea), mb = pz_unpack(y, &eb);
    int32_t e = ea - eb + 127;
    if (ma < mb) {
        ma <<= 1;
        e--;
    }
    uint32_t m = 0;
    for (uint8_t i = 0; i < 27u; i++) { /* 24 bits, guard, round; what is left is sticky */
        m <<= 1;
        if (ma >= mb) {
            ma -= mb;
            m |= 1u;
        }
        ma <<= 1;
    }
    return pz_pack(sign, e, m | (uint32_t)(ma != 0u));
}

PZ_INLINE int pz_unordered(uint32_t a, uint32_t b)
{
    return (a & ~PZ_SIGN) > PZ_INFINITY || (b & ~PZ_SIGN) > PZ_INFINITY;
}

/* -1, 0, 1 for numbers; +0 equals -0. */
PZ_INLINE int pz_order(uint32_t a, uint32_t b)
{
    if (((a | b) & ~PZ_SIGN) == 0u) {
        return 0;
    }
    int32_t x = (int32_t)a, y = (int32_t)b;
    if ((x & y) < 0) { /* both negative: larger bits are the smaller number */
        return x == y ? 0 : (x > y ? -1 : 1);
    }
    return x == y ? 0 : (x < y ? -1 : 1);
}

/* Truncate towards zero into 32 bits of magnitude, at most `most`. */
PZ_INLINE uint32_t pz_truncate(uint32_t x, uint32_t most)
{
    uint32_t e = (x >> 23) & 255u, m = (x & 0x7FFFFFu) | 0x800000u;
    if (e < 127u) {
        return 0u;
    }
    if (e > 158u) {
        return most;
    }
    m = e > 150u ? m << (e - 150u) : m >> (150u - e);
    return m > most ? most : m;
}

PZ_LOCAL int32_t pz_f2i(uint32_t x)
{
    if ((x & ~PZ_SIGN) > PZ_INFINITY) {
        return 0;
    }
    uint32_t m = pz_truncate(x & ~PZ_SIGN, (x >> 31) != 0u ? PZ_SIGN : 0x7FFFFFFFu);
    return (int32_t)((x >> 31) != 0u ? 0u - m : m);
}

PZ_LOCAL uint32_t pz_f2u(uint32_t x)
{
    return (x >> 31) != 0u || x > PZ_INFINITY ? 0u : pz_truncate(x, 0xFFFFFFFFu);
}

PZ_LOCAL uint64_t pz_f2ul(uint32_t x, uint64_t most)
{
    uint32_t e = (x >> 23) & 255u, m = (x & 0x7FFFFFu) | 0x800000u;
    if (e < 127u) {
        return 0u;
    }
    if (e > 190u) {
        return most;
    }
    uint64_t r = e >= 150u ? pz_shl64(m, e - 150u) : (uint64_t)(m >> (150u - e));
    return r > most ? most : r;
}

PZ_INLINE uint32_t pz_u2f_sign(uint32_t sign, uint32_t x)
{
    if (x == 0u) {
        return 0u;
    }
    uint32_t zeros = pz_clz(x);
    int32_t e = 158 - (int32_t)zeros;
    x <<= zeros;
    return pz_pack(sign, e, (x >> 5) | (uint32_t)((x & 31u) != 0u));
}

PZ_LOCAL uint32_t pz_i2f(int32_t x)
{
    return pz_u2f_sign((uint32_t)x & PZ_SIGN, x < 0 ? 0u - (uint32_t)x : (uint32_t)x);
}

PZ_LOCAL uint32_t pz_ul2f_sign(uint32_t sign, uint64_t x)
{
    pz_u64 v = {x};
    if (v.half.high == 0u) {
        return pz_u2f_sign(sign, v.half.low);
    }
    uint32_t zeros = pz_clz(v.half.high);
    v.all = pz_shl64(x, zeros);
    uint32_t sticky = (uint32_t)((v.half.high & 31u) != 0u || v.half.low != 0u);
    return pz_pack(sign, 190 - (int32_t)zeros, (v.half.high >> 5) | sticky);
}

PZ_LOCAL uint32_t pz_l2f(int64_t x)
{
    return x < 0 ? pz_ul2f_sign(PZ_SIGN, 0u - (uint64_t)x) : pz_ul2f_sign(0u, (uint64_t)x);
}

PZ_LOCAL int64_t pz_f2l(uint32_t x)
{
    if ((x & ~PZ_SIGN) > PZ_INFINITY) {
        return 0;
    }
    uint64_t most = ((uint64_t)1 << 63) - ((x >> 31) != 0u ? 0u : 1u);
    uint64_t m = pz_f2ul(x & ~PZ_SIGN, most);
    return (int64_t)((x >> 31) != 0u ? 0u - m : m);
}

#define PZ_DEFINE(RETURNS, NAME, ARGS, VALUE) \
    RETURNS NAME ARGS;                        \
    RETURNS NAME ARGS { return VALUE; }

#if defined(__arm__)
PZ_DEFINE(uint32_t, __aeabi_l2f, (int64_t x), pz_l2f(x))
PZ_DEFINE(uint32_t, __aeabi_ul2f, (uint64_t x), pz_ul2f_sign(0u, x))
PZ_DEFINE(int64_t, __aeabi_f2lz, (uint32_t x), pz_f2l(x))
PZ_DEFINE(uint64_t, __aeabi_f2ulz, (uint32_t x),
          (x >> 31) != 0u || x > PZ_INFINITY ? 0u : pz_f2ul(x, ~(uint64_t)0))
#if !defined(__ARM_FP)
PZ_DEFINE(uint32_t, __aeabi_fadd, (uint32_t a, uint32_t b), pz_fadd(a, b))
PZ_DEFINE(uint32_t, __aeabi_fsub, (uint32_t a, uint32_t b), pz_fadd(a, b ^ PZ_SIGN))
PZ_DEFINE(uint32_t, __aeabi_frsub, (uint32_t a, uint32_t b), pz_fadd(b, a ^ PZ_SIGN))
PZ_DEFINE(uint32_t, __aeabi_fmul, (uint32_t a, uint32_t b), pz_fmul(a, b))
PZ_DEFINE(uint32_t, __aeabi_fdiv, (uint32_t a, uint32_t b), pz_fdiv(a, b))
PZ_DEFINE(int, __aeabi_fcmpeq, (uint32_t a, uint32_t b), !pz_unordered(a, b) && pz_order(a, b) == 0)
PZ_DEFINE(int, __aeabi_fcmplt, (uint32_t a, uint32_t b), !pz_unordered(a, b) && pz_order(a, b) < 0)
PZ_DEFINE(int, __aeabi_fcmple, (uint32_t a, uint32_t b), !pz_unordered(a, b) && pz_order(a, b) <= 0)
PZ_DEFINE(int, __aeabi_fcmpgt, (uint32_t a, uint32_t b), !pz_unordered(a, b) && pz_order(a, b) > 0)
PZ_DEFINE(int, __aeabi_fcmpge, (uint32_t a, uint32_t b), !pz_unordered(a, b) && pz_order(a, b) >= 0)
PZ_DEFINE(int, __aeabi_fcmpun, (uint32_t a, uint32_t b), pz_unordered(a, b))
PZ_DEFINE(int32_t, __aeabi_f2iz, (uint32_t x), pz_f2i(x))
PZ_DEFINE(uint32_t, __aeabi_f2uiz, (uint32_t x), pz_f2u(x))
PZ_DEFINE(uint32_t, __aeabi_i2f, (int32_t x), pz_i2f(x))
PZ_DEFINE(uint32_t, __aeabi_ui2f, (uint32_t x), pz_u2f_sign(0u, x))
#endif
#else
#if defined(__AVR__)
typedef int8_t pz_compare; /* LLVM and libgcc agree on one byte here */
#else
typedef int pz_compare;
#endif
PZ_DEFINE(uint32_t, __addsf3, (uint32_t a, uint32_t b), pz_fadd(a, b))
PZ_DEFINE(uint32_t, __subsf3, (uint32_t a, uint32_t b), pz_fadd(a, b ^ PZ_SIGN))
PZ_DEFINE(uint32_t, __mulsf3, (uint32_t a, uint32_t b), pz_fmul(a, b))
PZ_DEFINE(uint32_t, __divsf3, (uint32_t a, uint32_t b), pz_fdiv(a, b))
/* Unordered: whatever makes the comparison that the name says false. */
PZ_DEFINE(pz_compare, __eqsf2, (uint32_t a, uint32_t b), (pz_compare)(pz_unordered(a, b) ? 1 : pz_order(a, b)))
PZ_DEFINE(pz_compare, __nesf2, (uint32_t a, uint32_t b), (pz_compare)(pz_unordered(a, b) ? 1 : pz_order(a, b)))
PZ_DEFINE(pz_compare, __ltsf2, (uint32_t a, uint32_t b), (pz_compare)(pz_unordered(a, b) ? 1 : pz_order(a, b)))
PZ_DEFINE(pz_compare, __lesf2, (uint32_t a, uint32_t b), (pz_compare)(pz_unordered(a, b) ? 1 : pz_order(a, b)))
PZ_DEFINE(pz_compare, __gtsf2, (uint32_t a, uint32_t b), (pz_compare)(pz_unordered(a, b) ? -1 : pz_order(a, b)))
PZ_DEFINE(pz_compare, __gesf2, (uint32_t a, uint32_t b), (pz_compare)(pz_unordered(a, b) ? -1 : pz_order(a, b)))
PZ_DEFINE(pz_compare, __unordsf2, (uint32_t a, uint32_t b), (pz_compare)pz_unordered(a, b))
PZ_DEFINE(int32_t, __fixsfsi, (uint32_t x), pz_f2i(x))
PZ_DEFINE(uint32_t, __fixunssfsi, (uint32_t x), pz_f2u(x))
PZ_DEFINE(int64_t, __fixsfdi, (uint32_t x), pz_f2l(x))
PZ_DEFINE(uint64_t, __fixunssfdi, (uint32_t x), (x >> 31) != 0u || x > PZ_INFINITY ? 0u : pz_f2ul(x, ~(uint64_t)0))
PZ_DEFINE(uint32_t, __floatsisf, (int32_t x), pz_i2f(x))
PZ_DEFINE(uint32_t, __floatunsisf, (uint32_t x), pz_u2f_sign(0u, x))
PZ_DEFINE(uint32_t, __floatdisf, (int64_t x), pz_l2f(x))
PZ_DEFINE(uint32_t, __floatundisf, (uint64_t x), pz_ul2f_sign(0u, x))
#endif
#endif
