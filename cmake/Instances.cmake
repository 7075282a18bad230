# The library's largest templates, compiled once for the example programs and the benchmarks, and its
# headers, parsed once.

add_library(cnnrnn_float_instances STATIC ${CMAKE_CURRENT_LIST_DIR}/instances/float.cpp)
add_library(cnnrnn_double_instances STATIC ${CMAKE_CURRENT_LIST_DIR}/instances/double.cpp)
target_link_libraries(cnnrnn_float_instances PUBLIC cnnrnn_program_options cnnrnn_opt_in)
target_link_libraries(cnnrnn_double_instances PUBLIC cnnrnn_float_instances)
cnnrnn_precompile(cnnrnn_float_instances ${CMAKE_CURRENT_LIST_DIR}/instances/instances.hpp)
target_precompile_headers(cnnrnn_double_instances REUSE_FROM cnnrnn_float_instances)

# Has a program or a library use them, by the keyword PUBLIC or PRIVATE; one that computes in double
# links cnnrnn_double_instances as well.
function(cnnrnn_use_instances target keyword)
  target_link_libraries(${target} ${keyword} cnnrnn_float_instances)
  target_precompile_headers(${target} REUSE_FROM cnnrnn_float_instances)
endfunction()
