# The library: include path, C++20, and what the headers need. No flags: they are the user's choice,
# but for those without which GCC's programs for Windows crash.

add_library(cnnrnn INTERFACE)
add_library(cnnrnn::cnnrnn ALIAS cnnrnn)

target_compile_features(cnnrnn INTERFACE cxx_std_20)
target_include_directories(cnnrnn INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)

# GCC aligns the stack to 16 bytes there, and may store vectors of 32 or 64 on it as if it were more
# (GCC bug 54412): the assembler takes instructions that need no alignment. And a large file has more
# sections than the usual objects hold.
set(mingw $<AND:$<PLATFORM_ID:Windows>,$<CXX_COMPILER_ID:GNU>>)
target_compile_options(cnnrnn INTERFACE
  $<${mingw}:-Wa,-mbig-obj,-muse-unaligned-vector-move>)

# Installed, cnnrnnConfig.cmake runs the same search again: the user's compiler may differ.
include(${CMAKE_CURRENT_LIST_DIR}/FindRequirements.cmake)
if(CNNRNN_REQUIREMENTS_MISSING)
  message(FATAL_ERROR "cnnrnn: ${CNNRNN_REQUIREMENTS_MISSING}")
endif()

foreach(requirement IN LISTS CNNRNN_REQUIREMENTS)
  target_link_libraries(cnnrnn INTERFACE $<BUILD_INTERFACE:${requirement}>)
endforeach()
