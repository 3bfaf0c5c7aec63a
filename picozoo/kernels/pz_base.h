/* Types and macros every kernel uses. C99, freestanding: no libc, no heap, no stdio. */
#ifndef PZ_BASE_H
#define PZ_BASE_H

#include <stddef.h>
#include <stdint.h>

/* Tensors share one arena, so the same bytes hold an int8 tensor now and a float tensor later. The multi-byte
   element types say so to the compiler (character types may alias anything already). */
#if defined(__GNUC__)
#define PZ_ALIAS __attribute__((__may_alias__))
/* noipa: GCC 12 at -O1 takes some functions that only write memory for pure ones, and drops their calls. */
#if defined(__clang__) || __GNUC__ < 8
#define PZ_NOINLINE __attribute__((noinline))
#else
#define PZ_NOINLINE __attribute__((noipa))
#endif
#define PZ_INLINE static inline __attribute__((always_inline, unused))
#define PZ_ALIGNED(n) __attribute__((aligned(n)))
#define PZ_UNUSED __attribute__((unused))
#else
#define PZ_ALIAS
#define PZ_NOINLINE
#define PZ_INLINE static inline
#define PZ_ALIGNED(n)
#define PZ_UNUSED
#endif

typedef float PZ_ALIAS pz_f32;
typedef int8_t pz_i8;
typedef uint8_t pz_u8;
typedef uint8_t pz_bool;
typedef int16_t PZ_ALIAS pz_i16;
typedef int32_t PZ_ALIAS pz_i32;
typedef uint32_t PZ_ALIAS pz_u32;
typedef int64_t PZ_ALIAS pz_i64;

/* Constants that have no literal of their own. */
#if defined(__GNUC__)
#define PZ_INFINITY __builtin_inff()
#define PZ_NAN __builtin_nanf("")
#else
#define PZ_INFINITY ((float)(1e300 * 1e300))
#define PZ_NAN (PZ_INFINITY - PZ_INFINITY)
#endif

/* Constant tables. On AVR flash is a separate address space that needs its own load instruction. */
#if defined(__AVR__)
#define PZ_FLASH __flash
#else
#define PZ_FLASH
#endif

/* Kernels are specialised for each layer: every size is a literal at the call and the compiler folds it.
   With PZ_SHARED_KERNELS one copy serves all layers of a kind (smaller, a little slower). */
#if defined(PZ_SHARED_KERNELS) && defined(__GNUC__)
#define PZ_KERNEL static __attribute__((noinline, unused))
#else
#define PZ_KERNEL PZ_INLINE
#endif

/* A layer is a function of its own, so that a profiler can tell layers apart. */
#ifndef PZ_LAYER
#define PZ_LAYER static PZ_NOINLINE
#endif

/* For layers whose time is spent in assembly: what is around it is best small. */
#if defined(__clang__)
#define PZ_SMALL __attribute__((minsize))
#else
#define PZ_SMALL
#endif

/* Called between layers in profiling builds (k = index of the layer that starts). */
#ifndef PZ_MARK
#define PZ_MARK(k) ((void)0)
#endif

#define PZ_RESTRICT restrict

/* GCC knows the pragma from version 8 on; Arduino's avr-gcc is older. */
#if defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 8)
#define PZ_UNROLLS 1
#else
#define PZ_UNROLLS 0
#endif

/* Before a loop that must not be unrolled: it is long enough, or seldom enough, that copies of it only cost flash. */
#if PZ_UNROLLS
#define PZ_ROLLED _Pragma("GCC unroll 1")
#else
#define PZ_ROLLED
#endif

/* Before a short loop whose every turn is to be code of its own. */
#if PZ_UNROLLS
#define PZ_UNROLLED _Pragma("GCC unroll 9")
#else
#define PZ_UNROLLED
#endif

/* The same for up to 64 turns, of loops that are nothing but those. */
#if PZ_UNROLLS
#define PZ_EACH _Pragma("GCC unroll 64")
#else
#define PZ_EACH
#endif

/* Before a loop of few instructions that runs often: its code is that of up to 16 turns. */
#if PZ_UNROLLS
#define PZ_MANY _Pragma("GCC unroll 16")
#else
#define PZ_MANY
#endif

PZ_INLINE void pz_copy(void *to, const void *from, size_t n) {
  unsigned char *t = (unsigned char *)to;
  const unsigned char *f = (const unsigned char *)from;
  if (t == f) return;
  for (size_t i = 0; i < n; ++i) t[i] = f[i];
}

/* Copy a constant table into RAM. */
PZ_INLINE void pz_copy_flash(void *to, const void PZ_FLASH *from, size_t n) {
  unsigned char *t = (unsigned char *)to;
  const unsigned char PZ_FLASH *f = (const unsigned char PZ_FLASH *)from;
  for (size_t i = 0; i < n; ++i) t[i] = f[i];
}

#endif
