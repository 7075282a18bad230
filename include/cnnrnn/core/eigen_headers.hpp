#pragma once

// Eigen, silently: who gives its folder by -I, not by -isystem, gets no warnings of its own code.
// clang takes these pragmas for its own.

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wignored-attributes"
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#endif

#include <Eigen/Core>

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
