# The library: include path, C++20, and what the headers need. No flags: they are the user's choice.

add_library(cnnrnn INTERFACE)
add_library(cnnrnn::cnnrnn ALIAS cnnrnn)

target_compile_features(cnnrnn INTERFACE cxx_std_20)
target_include_directories(cnnrnn INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)

# Installed, cnnrnnConfig.cmake runs the same search again: the user's compiler may differ.
include(${CMAKE_CURRENT_LIST_DIR}/FindRequirements.cmake)
if(CNNRNN_REQUIREMENTS_MISSING)
  message(FATAL_ERROR "cnnrnn: ${CNNRNN_REQUIREMENTS_MISSING}")
endif()

foreach(requirement IN LISTS CNNRNN_REQUIREMENTS)
  target_link_libraries(cnnrnn INTERFACE $<BUILD_INTERFACE:${requirement}>)
endforeach()
