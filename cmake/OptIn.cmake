# cnnrnn_opt_in: what the opt-in headers need, JSON for io/ and stb_image for data/image.hpp.

# find_package for a dependency of our programs, with the name of the Debian package in the error.
function(cnnrnn_require package debian_package)
  find_package(${package} CONFIG QUIET GLOBAL)
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR "${package} is missing (Debian: ${debian_package}); the library itself does "
      "without it, see the options CNNRNN_BUILD_TESTS, _EXAMPLES and _BENCHMARKS")
  endif()
endfunction()

cnnrnn_require(nlohmann_json nlohmann-json3-dev)
find_path(CNNRNN_STB_INCLUDE_DIR NAMES stb/stb_image.h stb_image.h
  DOC "Folder from which <stb/stb_image.h> or <stb_image.h> is included")
if(NOT CNNRNN_STB_INCLUDE_DIR)
  message(FATAL_ERROR "stb_image.h is missing (Debian: libstb-dev)")
endif()

add_library(cnnrnn_opt_in INTERFACE)
target_link_libraries(cnnrnn_opt_in INTERFACE nlohmann_json::nlohmann_json)
target_include_directories(cnnrnn_opt_in SYSTEM INTERFACE ${CNNRNN_STB_INCLUDE_DIR})
