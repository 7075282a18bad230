#pragma once

#include "cnnrnn/kernels/loops/elementwise.hpp"
#include "cnnrnn/kernels/loops/fetch_ahead.hpp"
#include "cnnrnn/kernels/loops/lanes.hpp"
#include "cnnrnn/kernels/loops/packets.hpp"
#include "cnnrnn/kernels/loops/strided.hpp"
#include "cnnrnn/kernels/loops/wide_rows.hpp"

// What the loops of all kernels are made of: elements, packets and lanes of vectors, wide rows for
// what goes by channel, walks over arrays with strides, prefetching. Ops of your own can use them
// too.
