# Tests in Python: programs/ runs the compiled examples, pytorch/ exchanges models with PyTorch. Every
# NAME_test.py is a test, every NAME.cpp a program that such a test runs.

# The first interpreter that can import all the modules. One earlier in the PATH (pyenv, conda) often
# cannot see the distribution's packages, so both are tried.
function(cnnrnn_find_python variable)
  list(JOIN ARGN "," modules)
  foreach(candidate python3 /usr/bin/python3)
    execute_process(COMMAND ${candidate} -c "import sys,${modules}; print(sys.executable)"
      RESULT_VARIABLE status OUTPUT_VARIABLE path ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(status EQUAL 0)
      set(${variable} ${path} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  set(${variable} "" PARENT_SCOPE)
endfunction()

# Registers every FOLDER/*_test.py; without an interpreter each is reported as skipped.
function(cnnrnn_python_tests folder interpreter)
  file(GLOB scripts CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ${folder}/*_test.py)
  if(CNNRNN_SANITIZE)
    list(FILTER scripts EXCLUDE REGEX "(kill|recurrence|table1)_test")  # many runs of what programs/train runs
  endif()
  foreach(script IN LISTS scripts)
    string(REGEX REPLACE "_test\\.py$" "" name ${script})
    if(interpreter)
      add_test(NAME ${name} COMMAND ${interpreter} ${CMAKE_CURRENT_SOURCE_DIR}/${script})
    else()
      add_test(NAME ${name} COMMAND sh -c "echo 'skipped: no Python with ${ARGN}'; exit 77")
    endif()
    set_tests_properties(${name} PROPERTIES
      ENVIRONMENT "${test_environment};${python_environment}"
      SKIP_RETURN_CODE 77
      COST 100  # the longest: ctest -j begins with them
      TIMEOUT 900)
  endforeach()

  file(GLOB sources CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ${folder}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "_test\\.")
  foreach(source IN LISTS sources)
    cmake_path(GET source STEM program)
    add_executable(${folder}_${program} ${source})
    cnnrnn_use_instances(${folder}_${program} PRIVATE)
    target_link_libraries(${folder}_${program} PRIVATE
      cnnrnn_classifier_program cnnrnn_double_instances)
    set_target_properties(${folder}_${program} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${folder}
      OUTPUT_NAME ${program})
  endforeach()
endfunction()

set(python_environment
  CNNRNN_EXAMPLES_DIR=${PROJECT_BINARY_DIR}/examples
  CNNRNN_TESTS_DIR=${PROJECT_BINARY_DIR}/tests
  CNNRNN_SOURCE_DIR=${PROJECT_SOURCE_DIR}
  PYTHONPATH=${CMAKE_CURRENT_SOURCE_DIR}
  PYTHONDONTWRITEBYTECODE=1)

cnnrnn_find_python(python_with_plots numpy matplotlib scipy)
cnnrnn_find_python(python_with_torch numpy torch)
cnnrnn_find_python(python_plain os)
if(NOT python_with_plots)
  set(python_with_plots ${python_plain})
endif()

# They start programs of this system.
if(CNNRNN_BUILD_EXAMPLES AND NOT CMAKE_CROSSCOMPILING)
  cnnrnn_python_tests(programs "${python_with_plots}" "the standard library")
  # A sanitizer finds nothing in a comparison of numbers that the ops' tests have not, and is slow.
  if(NOT CNNRNN_SANITIZE)
    cnnrnn_python_tests(pytorch "${python_with_torch}" "PyTorch (Debian: python3-torch)")
  endif()
endif()
