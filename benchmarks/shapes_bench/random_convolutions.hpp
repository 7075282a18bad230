#pragma once

#include <cstdint>
#include <vector>

#include "shapes_bench/convolutions.hpp"

namespace bench {

/// `count` convolutions of each family, drawn from `seed`: sizes that nobody has tuned for, of up
/// to three billion operations forward.
std::vector<ConvolutionCase> random_convolutions(cnnrnn::Index count, std::uint64_t seed);

}  // namespace bench
