#pragma once

#include "cnnrnn/kernels/loops/elementwise.hpp"
#include "cnnrnn/kernels/loops/fetch_ahead.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"
#include "cnnrnn/kernels/loops/packets.hpp"
#include "cnnrnn/kernels/loops/strided.hpp"
#include "cnnrnn/kernels/loops/wide_rows.hpp"
#include "cnnrnn/kernels/loops/widen.hpp"

// Building blocks of all kernel loops: elements, packets and lanes of vectors, wide rows for
// per-channel work, walks over arrays with strides, prefetching, bfloat16 as float.
