# Builds for Windows with MinGW-w64, and runs what it built under Wine (Debian: g++-mingw-w64-x86-64,
# wine64). The preset mingw takes it.

set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)

# The standard library's threads need the variant that is built on POSIX threads.
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc-posix)
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix)
find_program(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)

find_program(CNNRNN_WINE NAMES wine64 wine PATHS /usr/lib/wine)
if(CNNRNN_WINE)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${CNNRNN_WINE})
endif()

set(CMAKE_FIND_ROOT_PATH /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)

# Debian's packages of headers alone lie in /usr/include, among the headers of Linux. The compiler
# sees these, and CMake believes that it sees all.
foreach(package nlohmann stb CLI catch2)
  if(EXISTS /usr/include/${package})
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/headers)
    file(CREATE_LINK /usr/include/${package} ${CMAKE_BINARY_DIR}/headers/${package} SYMBOLIC)
  endif()
endforeach()
set(CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES ${CMAKE_BINARY_DIR}/headers)

# project() forgets the rest when it looks at the compiler, so it reads this file once more at its end.
set(CMAKE_PROJECT_INCLUDE ${CMAKE_CURRENT_LIST_FILE})
list(APPEND CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES /usr/include)
set(CMAKE_FIND_LIBRARY_SUFFIXES .a .dll.a)  # OpenMP's without a DLL, as -static has all others
