# CNNRNN_SANITIZE is a list as -fsanitize takes it: "address,undefined" or "thread".

set(CNNRNN_SANITIZE "" CACHE STRING "Sanitizers for our programs")
set(CNNRNN_SANITIZE_IGNORE "" CACHE FILEPATH "What clang's sanitizers pass over, with reasons")

if(CNNRNN_SANITIZE)
  target_compile_options(cnnrnn_program_options INTERFACE
    -fsanitize=${CNNRNN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(cnnrnn_program_options INTERFACE -fsanitize=${CNNRNN_SANITIZE})
  if(CNNRNN_SANITIZE_IGNORE)
    target_compile_options(cnnrnn_program_options INTERFACE
      -fsanitize-ignorelist=${CNNRNN_SANITIZE_IGNORE})
  endif()
endif()
