# The warnings that our headers promise to be free of. tests/project checks the same list.

option(CNNRNN_WARNINGS_AS_ERRORS "Stop at a warning in our programs" OFF)

set(CNNRNN_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow)

target_compile_options(cnnrnn_program_options INTERFACE
  ${CNNRNN_WARNINGS}
  $<$<BOOL:${CNNRNN_WARNINGS_AS_ERRORS}>:-Werror>)
