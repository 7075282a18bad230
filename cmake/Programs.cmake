# What our own programs are built with. cnnrnn_program_options is never installed or exported: a
# user of the library sees none of it.

option(CNNRNN_NATIVE "Build our programs for this machine's instruction set" ${PROJECT_IS_TOP_LEVEL})

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

add_library(cnnrnn_program_options INTERFACE)
target_link_libraries(cnnrnn_program_options INTERFACE cnnrnn::cnnrnn)

include(${CMAKE_CURRENT_LIST_DIR}/Warnings.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/Sanitizers.cmake)

# Programs for Windows run without GCC's libraries beside them.
if(MINGW)
  target_link_options(cnnrnn_program_options INTERFACE -static)
endif()

if(CNNRNN_NATIVE)
  include(CheckCXXCompilerFlag)
  check_cxx_compiler_flag(-march=native CNNRNN_HAS_MARCH_NATIVE)
  if(CNNRNN_HAS_MARCH_NATIVE)
    target_compile_options(cnnrnn_program_options INTERFACE -march=native)
  endif()
endif()

# With OpenMP, clang spends four fifths of its time on a pass for programs that call it often.
if(CMAKE_CXX_COMPILER_ID STREQUAL Clang AND OpenMP_CXX_FOUND)
  target_compile_options(cnnrnn_program_options INTERFACE "SHELL:-mllvm -openmp-opt-disable")
endif()

# A header to be parsed once for a library and the programs that link it and REUSE_FROM it.
function(cnnrnn_precompile library header)
  target_precompile_headers(${library} PRIVATE ${header})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
    # There gcc forgets that it does not warn of its own intrinsics.
    target_compile_options(${library} PUBLIC -Wno-uninitialized -Wno-maybe-uninitialized)
  endif()
endfunction()

set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

include(${CMAKE_CURRENT_LIST_DIR}/OptIn.cmake)
