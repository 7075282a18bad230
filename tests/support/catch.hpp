// Catch2, version 2 or 3: a test includes this and needs not know which.
#pragma once

#include <string>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;         // version 2 has it in the global namespace
namespace Catch::Matchers {  // version 2 knows only the substring
inline auto Contains(const char* part) { return ContainsSubstring(part); }
inline auto Contains(std::string part) { return ContainsSubstring(part); }
}  // namespace Catch::Matchers
#else
#include <catch2/catch.hpp>
#endif
