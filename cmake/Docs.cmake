# Target `docs`: the reference of all public names and the guide pages, in docs/html of the build.

find_package(Doxygen 1.9 QUIET)
find_package(Python3 QUIET COMPONENTS Interpreter)
set(CNNRNN_SITE ${PROJECT_BINARY_DIR}/docs)

if(NOT DOXYGEN_FOUND OR NOT Python3_FOUND)
  add_custom_target(docs
    COMMAND ${CMAKE_COMMAND} -E echo
      "docs: cannot find Doxygen 1.9 or newer and Python 3 (Debian: doxygen python3)"
    COMMAND ${CMAKE_COMMAND} -E false VERBATIM)
  return()
endif()

# From this version on Doxygen has dark pages of its own, beside which site.css would make light ones.
if(DOXYGEN_VERSION VERSION_GREATER_EQUAL 1.9.5)
  set(CNNRNN_SITE_MORE "HTML_COLORSTYLE = LIGHT")
endif()
configure_file(docs/reference/Doxyfile.in ${CNNRNN_SITE}/Doxyfile @ONLY)

set(CNNRNN_SITE_COMMAND
  ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/docs/reference/build.py
  --source ${PROJECT_SOURCE_DIR}
  --doxygen ${DOXYGEN_EXECUTABLE}
  --doxyfile ${CNNRNN_SITE}/Doxyfile
  --output ${CNNRNN_SITE})
add_custom_target(docs COMMAND ${CNNRNN_SITE_COMMAND} VERBATIM)
