#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define CNNRNN_TEST_ADDRESS_SANITIZER true
#elif defined(__has_feature)
#define CNNRNN_TEST_ADDRESS_SANITIZER __has_feature(address_sanitizer)
#else
#define CNNRNN_TEST_ADDRESS_SANITIZER false
#endif

#if defined(__SANITIZE_THREAD__)
#define CNNRNN_TEST_THREAD_SANITIZER true
#elif defined(__has_feature)
#define CNNRNN_TEST_THREAD_SANITIZER __has_feature(thread_sanitizer)
#else
#define CNNRNN_TEST_THREAD_SANITIZER false
#endif

inline constexpr bool address_sanitized = CNNRNN_TEST_ADDRESS_SANITIZER;

/// Whether a sanitizer watches: it ends the program where the system's allocator would throw.
inline constexpr bool sanitized = address_sanitized || CNNRNN_TEST_THREAD_SANITIZER;
