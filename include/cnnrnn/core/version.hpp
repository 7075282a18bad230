#pragma once

// The version of the headers, which the build, the packages and the documents take from here.

/// The first number of the version.
#define CNNRNN_VERSION_MAJOR 0
/// The second number of the version.
#define CNNRNN_VERSION_MINOR 2
/// The third number of the version.
#define CNNRNN_VERSION_PATCH 0

/// The version as a number to compare, as in `#if CNNRNN_VERSION >= 200`: 1.2.3 is 10203.
#define CNNRNN_VERSION \
  (CNNRNN_VERSION_MAJOR * 10000 + CNNRNN_VERSION_MINOR * 100 + CNNRNN_VERSION_PATCH)
