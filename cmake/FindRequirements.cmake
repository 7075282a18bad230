# Finds what the headers need: the targets to link in CNNRNN_REQUIREMENTS, the reason for a failure
# in CNNRNN_REQUIREMENTS_MISSING. Used by the build and, installed, by find_package(cnnrnn).

set(CNNRNN_REQUIREMENTS Eigen3::Eigen Threads::Threads)
set(CNNRNN_REQUIREMENTS_MISSING "")

# No version in the call: a request for 3.4 would turn Eigen 5 away.
if(NOT TARGET Eigen3::Eigen)
  find_package(Eigen3 CONFIG QUIET)
  if(NOT Eigen3_FOUND)
    set(CNNRNN_REQUIREMENTS_MISSING "Eigen is missing (Debian: libeigen3-dev)")
  elseif(Eigen3_VERSION VERSION_LESS 3.4)
    set(CNNRNN_REQUIREMENTS_MISSING
      "Eigen 3.4 or newer is needed, found ${Eigen3_VERSION} in ${Eigen3_DIR}")
  endif()
endif()

find_package(Threads QUIET)
if(NOT Threads_FOUND)
  set(CNNRNN_REQUIREMENTS_MISSING "a thread library is missing")
endif()

# OpenMP is a wish, not a need: without it the library runs on one thread.
if(NOT DEFINED CNNRNN_OPENMP OR CNNRNN_OPENMP)
  find_package(OpenMP QUIET COMPONENTS CXX)
  if(OpenMP_CXX_FOUND)
    list(APPEND CNNRNN_REQUIREMENTS OpenMP::OpenMP_CXX)
  endif()
endif()
