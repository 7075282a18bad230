# cnnrnn::distributed: the library with what include/cnnrnn/distributed/ needs, MPI. There is no such
# target without MPI.

if(PROJECT_IS_TOP_LEVEL)
  set(CNNRNN_MPI AUTO CACHE STRING "Data-parallel training over MPI: AUTO (if MPI is there), ON or OFF")
else()
  set(CNNRNN_MPI OFF CACHE STRING "Data-parallel training over MPI: AUTO (if MPI is there), ON or OFF")
endif()
set_property(CACHE CNNRNN_MPI PROPERTY STRINGS AUTO ON OFF)

if(CNNRNN_MPI)
  set(MPI_CXX_SKIP_MPICXX ON)
  find_package(MPI QUIET COMPONENTS CXX)
endif()
if(TARGET MPI::MPI_CXX)
  add_library(cnnrnn_distributed INTERFACE)
  add_library(cnnrnn::distributed ALIAS cnnrnn_distributed)
  target_link_libraries(cnnrnn_distributed INTERFACE cnnrnn::cnnrnn MPI::MPI_CXX)
elseif(CNNRNN_MPI STREQUAL "AUTO")
  message(STATUS "cnnrnn: found no MPI (Debian: libopenmpi-dev): programs train on one process")
elseif(CNNRNN_MPI)
  message(FATAL_ERROR "cnnrnn: CNNRNN_MPI is on, but MPI is missing (Debian: libopenmpi-dev)")
endif()
