#pragma once

// What GCC and clang understand beyond C++, in one place: another compiler leaves it out, and is
// only slower. Attributes such as [[gnu::flatten]] stand where they are, since C++ has compilers
// ignore those that they do not know.

#if defined(__GNUC__)
/// Behind the parameters of a lambda: calls of it are never calls.
#define CNNRNN_INLINE_LAMBDA __attribute__((always_inline))
/// Asks for the cache line of an address, to be read (0) or written (1), kept as near as 3 or as
/// far as 0.
#define CNNRNN_PREFETCH(address, written, nearness) __builtin_prefetch(address, written, nearness)
/// An effect of none: a function with it is not taken for one without.
#define CNNRNN_EFFECT() __asm__ __volatile__("")
#else
#define CNNRNN_INLINE_LAMBDA
#define CNNRNN_PREFETCH(address, written, nearness) static_cast<void>(address)
#define CNNRNN_EFFECT() static_cast<void>(0)
#endif
