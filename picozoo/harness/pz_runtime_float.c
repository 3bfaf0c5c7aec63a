/* Float arithmetic for cores without an FPU, and conversions from and to 64-bit integers for all.
 *
 * IEEE 754 binary32, round to nearest even, subnormals, infinities; every NaN result is quiet. Bit-equal to hardware.
 * Float to integer saturates; NaN gives 0. Doubles are not here, see pz_runtime.c.
 */
#include "pz_runtime.h"

#if !defined(PZ_RUNTIME_MEMORY_ONLY) && !defined(__wasm__) && !defined(__aarch64__)

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
