#pragma once

// stb_image's decoders in a namespace of our own, with internal linkage. A program may have its own
// stb_image, before or after this one and with other settings: every macro that stb_image reads or
// defines is set aside here and put back below. stb_image is C and not free of warnings.
#pragma GCC system_header

// What stb_image.h includes, so that it finds them included when it is inside the namespace.
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/data/stb_memory.hpp"

#pragma push_macro("FAST_BITS")
#undef FAST_BITS
#pragma push_macro("STBIDEF")
#undef STBIDEF
#pragma push_macro("STBI_ASSERT")
#undef STBI_ASSERT
#pragma push_macro("STBI_EXTERN")
#undef STBI_EXTERN
#pragma push_macro("STBI_FAILURE_USERMSG")
#undef STBI_FAILURE_USERMSG
#pragma push_macro("STBI_FREE")
#undef STBI_FREE
#pragma push_macro("STBI_HAS_LROTL")
#undef STBI_HAS_LROTL
#pragma push_macro("STBI_INCLUDE_STB_IMAGE_H")
#undef STBI_INCLUDE_STB_IMAGE_H
#pragma push_macro("STBI_MALLOC")
#undef STBI_MALLOC
#pragma push_macro("STBI_MAX_DIMENSIONS")
#undef STBI_MAX_DIMENSIONS
#pragma push_macro("STBI_NEON")
#undef STBI_NEON
#pragma push_macro("STBI_NOTUSED")
#undef STBI_NOTUSED
#pragma push_macro("STBI_NO_BMP")
#undef STBI_NO_BMP
#pragma push_macro("STBI_NO_FAILURE_STRINGS")
#undef STBI_NO_FAILURE_STRINGS
#pragma push_macro("STBI_NO_GIF")
#undef STBI_NO_GIF
#pragma push_macro("STBI_NO_HDR")
#undef STBI_NO_HDR
#pragma push_macro("STBI_NO_JPEG")
#undef STBI_NO_JPEG
#pragma push_macro("STBI_NO_LINEAR")
#undef STBI_NO_LINEAR
#pragma push_macro("STBI_NO_PIC")
#undef STBI_NO_PIC
#pragma push_macro("STBI_NO_PNG")
#undef STBI_NO_PNG
#pragma push_macro("STBI_NO_PNM")
#undef STBI_NO_PNM
#pragma push_macro("STBI_NO_PSD")
#undef STBI_NO_PSD
#pragma push_macro("STBI_NO_SIMD")
#undef STBI_NO_SIMD
#pragma push_macro("STBI_NO_STDIO")
#undef STBI_NO_STDIO
#pragma push_macro("STBI_NO_TGA")
#undef STBI_NO_TGA
#pragma push_macro("STBI_NO_THREAD_LOCALS")
#undef STBI_NO_THREAD_LOCALS
#pragma push_macro("STBI_NO_ZLIB")
#undef STBI_NO_ZLIB
#pragma push_macro("STBI_ONLY_BMP")
#undef STBI_ONLY_BMP
#pragma push_macro("STBI_ONLY_GIF")
#undef STBI_ONLY_GIF
#pragma push_macro("STBI_ONLY_HDR")
#undef STBI_ONLY_HDR
#pragma push_macro("STBI_ONLY_JPEG")
#undef STBI_ONLY_JPEG
#pragma push_macro("STBI_ONLY_PIC")
#undef STBI_ONLY_PIC
#pragma push_macro("STBI_ONLY_PNG")
#undef STBI_ONLY_PNG
#pragma push_macro("STBI_ONLY_PNM")
#undef STBI_ONLY_PNM
#pragma push_macro("STBI_ONLY_PSD")
#undef STBI_ONLY_PSD
#pragma push_macro("STBI_ONLY_TGA")
#undef STBI_ONLY_TGA
#pragma push_macro("STBI_REALLOC")
#undef STBI_REALLOC
#pragma push_macro("STBI_REALLOC_SIZED")
#undef STBI_REALLOC_SIZED
#pragma push_macro("STBI_SIMD_ALIGN")
#undef STBI_SIMD_ALIGN
#pragma push_macro("STBI_SSE2")
#undef STBI_SSE2
#pragma push_macro("STBI_SUPPORT_ZLIB")
#undef STBI_SUPPORT_ZLIB
#pragma push_macro("STBI_THREAD_LOCAL")
#undef STBI_THREAD_LOCAL
#pragma push_macro("STBI_VERSION")
#undef STBI_VERSION
#pragma push_macro("STBI_WINDOWS_UTF8")
#undef STBI_WINDOWS_UTF8
#pragma push_macro("STBI__BYTECAST")
#undef STBI__BYTECAST
#pragma push_macro("STBI__COMBO")
#undef STBI__COMBO
#pragma push_macro("STBI__HDR_BUFLEN")
#undef STBI__HDR_BUFLEN
#pragma push_macro("STBI__IDCT_1D")
#undef STBI__IDCT_1D
#pragma push_macro("STBI__MARKER_none")
#undef STBI__MARKER_none
#pragma push_macro("STBI__PNG_TYPE")
#undef STBI__PNG_TYPE
#pragma push_macro("STBI__RESTART")
#undef STBI__RESTART
#pragma push_macro("STBI__X64_TARGET")
#undef STBI__X64_TARGET
#pragma push_macro("STBI__X86_TARGET")
#undef STBI__X86_TARGET
#pragma push_macro("STBI__ZFAST_BITS")
#undef STBI__ZFAST_BITS
#pragma push_macro("STBI__ZFAST_MASK")
#undef STBI__ZFAST_MASK
#pragma push_macro("STBI__ZNSYMS")
#undef STBI__ZNSYMS
#pragma push_macro("STB_IMAGE_IMPLEMENTATION")
#undef STB_IMAGE_IMPLEMENTATION
#pragma push_macro("STB_IMAGE_STATIC")
#undef STB_IMAGE_STATIC
#pragma push_macro("stbi__DNL")
#undef stbi__DNL
#pragma push_macro("stbi__EOI")
#undef stbi__EOI
#pragma push_macro("stbi__SOF")
#undef stbi__SOF
#pragma push_macro("stbi__SOF_progressive")
#undef stbi__SOF_progressive
#pragma push_macro("stbi__SOI")
#undef stbi__SOI
#pragma push_macro("stbi__SOS")
#undef stbi__SOS
#pragma push_macro("stbi__de_iphone_flag")
#undef stbi__de_iphone_flag
#pragma push_macro("stbi__div16")
#undef stbi__div16
#pragma push_macro("stbi__div4")
#undef stbi__div4
#pragma push_macro("stbi__err")
#undef stbi__err
#pragma push_macro("stbi__errpf")
#undef stbi__errpf
#pragma push_macro("stbi__errpuc")
#undef stbi__errpuc
#pragma push_macro("stbi__f2f")
#undef stbi__f2f
#pragma push_macro("stbi__float2fixed")
#undef stbi__float2fixed
#pragma push_macro("stbi__float2int")
#undef stbi__float2int
#pragma push_macro("stbi__fsh")
#undef stbi__fsh
#pragma push_macro("stbi__unpremultiply_on_load")
#undef stbi__unpremultiply_on_load
#pragma push_macro("stbi__vertically_flip_on_load")
#undef stbi__vertically_flip_on_load
#pragma push_macro("stbi_inline")
#undef stbi_inline
#pragma push_macro("stbi_lrot")
#undef stbi_lrot

#define STB_IMAGE_IMPLEMENTATION
#define STBIDEF extern "C++"  // not "C": a C name would be one with the program's
#define STBI_FAILURE_USERMSG
#define STBI_MAX_DIMENSIONS 65536
#define STBI_NO_SIMD
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_ONLY_BMP
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
// A file must not be able to abort the program.
#define STBI_ASSERT(holds) require<FileError>(!!(holds), "stb_image: broken image")

#define STBI_MALLOC(size) detail::StbMemory::allocate(size)
#define STBI_REALLOC_SIZED(memory, old_size, size) \
  detail::StbMemory::reallocate(memory, old_size, size)
#define STBI_REALLOC(memory, size) nullptr  // stb_image asks for both, and uses the other
#define STBI_FREE(memory) detail::StbMemory::release(memory)

CNNRNN_NAMESPACE_BEGIN
namespace data::stb {
namespace {
using std::abs;  // stb_image calls the C library's, which the op of this name would hide
#if __has_include(<stb/stb_image.h>)
#include <stb/stb_image.h>
#else
#include <stb_image.h>
#endif
}  // namespace
}  // namespace data::stb
CNNRNN_NAMESPACE_END

#pragma pop_macro("FAST_BITS")
#pragma pop_macro("STBIDEF")
#pragma pop_macro("STBI_ASSERT")
#pragma pop_macro("STBI_EXTERN")
#pragma pop_macro("STBI_FAILURE_USERMSG")
#pragma pop_macro("STBI_FREE")
#pragma pop_macro("STBI_HAS_LROTL")
#pragma pop_macro("STBI_INCLUDE_STB_IMAGE_H")
#pragma pop_macro("STBI_MALLOC")
#pragma pop_macro("STBI_MAX_DIMENSIONS")
#pragma pop_macro("STBI_NEON")
#pragma pop_macro("STBI_NOTUSED")
#pragma pop_macro("STBI_NO_BMP")
#pragma pop_macro("STBI_NO_FAILURE_STRINGS")
#pragma pop_macro("STBI_NO_GIF")
#pragma pop_macro("STBI_NO_HDR")
#pragma pop_macro("STBI_NO_JPEG")
#pragma pop_macro("STBI_NO_LINEAR")
#pragma pop_macro("STBI_NO_PIC")
#pragma pop_macro("STBI_NO_PNG")
#pragma pop_macro("STBI_NO_PNM")
#pragma pop_macro("STBI_NO_PSD")
#pragma pop_macro("STBI_NO_SIMD")
#pragma pop_macro("STBI_NO_STDIO")
#pragma pop_macro("STBI_NO_TGA")
#pragma pop_macro("STBI_NO_THREAD_LOCALS")
#pragma pop_macro("STBI_NO_ZLIB")
#pragma pop_macro("STBI_ONLY_BMP")
#pragma pop_macro("STBI_ONLY_GIF")
#pragma pop_macro("STBI_ONLY_HDR")
#pragma pop_macro("STBI_ONLY_JPEG")
#pragma pop_macro("STBI_ONLY_PIC")
#pragma pop_macro("STBI_ONLY_PNG")
#pragma pop_macro("STBI_ONLY_PNM")
#pragma pop_macro("STBI_ONLY_PSD")
#pragma pop_macro("STBI_ONLY_TGA")
#pragma pop_macro("STBI_REALLOC")
#pragma pop_macro("STBI_REALLOC_SIZED")
#pragma pop_macro("STBI_SIMD_ALIGN")
#pragma pop_macro("STBI_SSE2")
#pragma pop_macro("STBI_SUPPORT_ZLIB")
#pragma pop_macro("STBI_THREAD_LOCAL")
#pragma pop_macro("STBI_VERSION")
#pragma pop_macro("STBI_WINDOWS_UTF8")
#pragma pop_macro("STBI__BYTECAST")
#pragma pop_macro("STBI__COMBO")
#pragma pop_macro("STBI__HDR_BUFLEN")
#pragma pop_macro("STBI__IDCT_1D")
#pragma pop_macro("STBI__MARKER_none")
#pragma pop_macro("STBI__PNG_TYPE")
#pragma pop_macro("STBI__RESTART")
#pragma pop_macro("STBI__X64_TARGET")
#pragma pop_macro("STBI__X86_TARGET")
#pragma pop_macro("STBI__ZFAST_BITS")
#pragma pop_macro("STBI__ZFAST_MASK")
#pragma pop_macro("STBI__ZNSYMS")
#pragma pop_macro("STB_IMAGE_IMPLEMENTATION")
#pragma pop_macro("STB_IMAGE_STATIC")
#pragma pop_macro("stbi__DNL")
#pragma pop_macro("stbi__EOI")
#pragma pop_macro("stbi__SOF")
#pragma pop_macro("stbi__SOF_progressive")
#pragma pop_macro("stbi__SOI")
#pragma pop_macro("stbi__SOS")
#pragma pop_macro("stbi__de_iphone_flag")
#pragma pop_macro("stbi__div16")
#pragma pop_macro("stbi__div4")
#pragma pop_macro("stbi__err")
#pragma pop_macro("stbi__errpf")
#pragma pop_macro("stbi__errpuc")
#pragma pop_macro("stbi__f2f")
#pragma pop_macro("stbi__float2fixed")
#pragma pop_macro("stbi__float2int")
#pragma pop_macro("stbi__fsh")
#pragma pop_macro("stbi__unpremultiply_on_load")
#pragma pop_macro("stbi__vertically_flip_on_load")
#pragma pop_macro("stbi_inline")
#pragma pop_macro("stbi_lrot")
