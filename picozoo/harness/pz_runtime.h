/* Parts that both halves of the compiler runtime use; see pz_runtime.c. */
#ifndef PZ_RUNTIME_H
#define PZ_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#define PZ_INLINE static inline __attribute__((always_inline, unused))
#define PZ_LOCAL static __attribute__((unused))

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

#endif
