# Target single_header: the library in one file, cnnrnn.hpp in the build folder.

find_package(Python3 QUIET COMPONENTS Interpreter)
if(Python3_FOUND)
  add_custom_target(single_header
    COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/scripts/single_header.py
      ${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/cnnrnn.hpp
    VERBATIM)
endif()
