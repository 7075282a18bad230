#pragma once

#include <cstdint>
#include <span>

/// Has a reader of the library read a file of these bytes, and uses what comes out. Every NAME.cpp
/// here defines it for one reader; fuzz.cpp and replay.cpp call it. Only FileError may come out.
void read_stranger(std::span<const std::uint8_t> bytes);
