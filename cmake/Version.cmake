# Sets CNNRNN_VERSION to the version that the headers name.

set(version_parts "")
foreach(part MAJOR MINOR PATCH)
  file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/../include/cnnrnn/core/version.hpp line
    REGEX "^#define CNNRNN_VERSION_${part} ")
  string(REGEX MATCH "[0-9]+$" number "${line}")
  list(APPEND version_parts ${number})
endforeach()
list(JOIN version_parts "." CNNRNN_VERSION)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${CMAKE_CURRENT_LIST_DIR}/../include/cnnrnn/core/version.hpp)
