#pragma once

#include "cnnrnn/core/bfloat16.hpp"

namespace bench {

/// What the name of a case ends in when its numbers are T.
template <class T>
inline constexpr const char* precision_suffix = cnnrnn::is_bfloat16<T> ? "/bf16" : "";

}  // namespace bench
