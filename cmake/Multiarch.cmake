# cnnrnn_multiarch(TARGET [LEVELS LEVEL...]) has a program run as fast as its processor can: it is
# built once for each level of x86-64, by default x86-64-v2, x86-64-v3 and x86-64-v4, and begins
# with what is best for the processor. TARGET becomes a launcher; the builds lie beside it, here and
# where it is installed, as TARGET.x86-64-v3. The static libraries of the project that it links are
# built once for each level too, if they are there at the end of TARGET's folder, in which the call
# has to stand. Elsewhere than on Linux on x86-64, TARGET stays as it is.
#
# A shared library is built for the lowest level in its place, and for the others below it, where
# glibc's loader finds them: glibc-hwcaps/x86-64-v3/libTARGET.so.

cmake_policy(VERSION 3.19...3.25)

function(cnnrnn_multiarch target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" LEVELS)
  if(NOT DEFINED arg_LEVELS)
    set(arg_LEVELS x86-64-v2 x86-64-v3 x86-64-v4)
  endif()
  _cnnrnn_check_multiarch(${target} "${arg_LEVELS}" "${arg_UNPARSED_ARGUMENTS}")
  if(NOT CMAKE_SYSTEM_NAME STREQUAL Linux OR NOT CMAKE_SIZEOF_VOID_P EQUAL 8
      OR NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    message(STATUS "cnnrnn_multiarch: ${target} is built once: levels are those of Linux on x86-64")
    return()
  endif()
  # At the end, when the target has all its properties, and whoever installs it has said where.
  get_target_property(folder ${target} SOURCE_DIR)
  get_target_property(type ${target} TYPE)
  string(TOLOWER ${type} kind)
  list(SORT arg_LEVELS)
  cmake_language(EVAL CODE "
    cmake_language(DEFER DIRECTORY [[${folder}]]
      CALL _cnnrnn_multiarch_${kind} [[${target}]] [[${arg_LEVELS}]])
    cmake_language(DEFER DIRECTORY [[${CMAKE_SOURCE_DIR}]]
      CALL _cnnrnn_install_${kind} [[${target}]] [[${arg_LEVELS}]])")
endfunction()

function(_cnnrnn_check_multiarch target levels unparsed)
  if(unparsed)
    message(FATAL_ERROR "cnnrnn_multiarch: expected TARGET and LEVELS, got ${unparsed}")
  endif()
  if(NOT TARGET ${target})
    message(FATAL_ERROR "cnnrnn_multiarch: expected a target, got ${target}")
  endif()
  get_target_property(type ${target} TYPE)
  get_target_property(imported ${target} IMPORTED)
  get_target_property(aliased ${target} ALIASED_TARGET)
  if(NOT type MATCHES "^(EXECUTABLE|SHARED_LIBRARY)$" OR imported OR aliased)
    message(FATAL_ERROR
      "cnnrnn_multiarch: expected a program or a shared library of this project, got ${target}")
  endif()
  foreach(level IN LISTS levels)
    if(NOT level MATCHES "^x86-64(-v[234])?$")
      message(FATAL_ERROR
        "cnnrnn_multiarch: expected x86-64, x86-64-v2, x86-64-v3 or x86-64-v4, got ${level}")
    endif()
  endforeach()
endfunction()

# The builds of a program, which becomes their launcher.
function(_cnnrnn_multiarch_executable target levels)
  get_target_property(name ${target} OUTPUT_NAME)
  if(NOT name)
    set(name ${target})
  endif()
  foreach(part PREFIX SUFFIX)
    get_target_property(${part} ${target} ${part})
    if(NOT ${part})
      set(${part} "")
    endif()
  endforeach()
  foreach(level IN LISTS levels)
    add_executable(${target}.${level} EXCLUDE_FROM_ALL)
    _cnnrnn_copy_to_level(${target} ${level})
    set_target_properties(${target}.${level} PROPERTIES
      OUTPUT_NAME "${PREFIX}${name}${SUFFIX}.${level}" PREFIX "" SUFFIX "")
    list(APPEND builds ${target}.${level})
  endforeach()

  _cnnrnn_list_properties()
  foreach(property IN LISTS build_properties)
    set_property(TARGET ${target} PROPERTY ${property})
  endforeach()
  set_target_properties(${target} PROPERTIES
    SOURCES ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/multiarch/launcher.cpp
    COMPILE_FEATURES cxx_std_20
    COMPILE_OPTIONS "-O2;SHELL:-march=x86-64 -mtune=generic"
    DISABLE_PRECOMPILE_HEADERS ON
    LINK_OPTIONS -Wl,--as-needed)
  add_dependencies(${target} ${builds})
endfunction()

# The builds of a shared library, which becomes that of the lowest level.
function(_cnnrnn_multiarch_shared_library target levels)
  list(POP_FRONT levels lowest)
  foreach(level IN LISTS levels)
    add_library(${target}.${level} SHARED EXCLUDE_FROM_ALL)
    _cnnrnn_copy_to_level(${target} ${level})
    foreach(property OUTPUT_NAME PREFIX SUFFIX VERSION SOVERSION)
      get_target_property(value ${target} ${property})
      if(value)
        set_property(TARGET ${target}.${level} PROPERTY ${property} ${value})
      elseif(property STREQUAL OUTPUT_NAME)
        set_property(TARGET ${target}.${level} PROPERTY OUTPUT_NAME ${target})
      endif()
    endforeach()
    set_property(TARGET ${target}.${level} PROPERTY
      LIBRARY_OUTPUT_DIRECTORY $<TARGET_FILE_DIR:${target}>/glibc-hwcaps/${level})
    add_dependencies(${target} ${target}.${level})
  endforeach()

  get_property(libraries TARGET ${target} PROPERTY LINK_LIBRARIES)
  _cnnrnn_libraries_of_level(libraries ${lowest} "${libraries}")
  _cnnrnn_level_flags(${lowest})
  set_property(TARGET ${target} PROPERTY LINK_LIBRARIES ${libraries} cnnrnn_flags.${lowest})
endfunction()

# Lists of properties, for the caller: a build of its own has all of them from its target.
macro(_cnnrnn_list_properties)
  # What says how a target is built. A launcher has none of them.
  set(build_properties
    AUTOMOC AUTORCC AUTOUIC COMPILE_DEFINITIONS COMPILE_FEATURES COMPILE_FLAGS COMPILE_OPTIONS
    CXX_CLANG_TIDY CXX_CPPCHECK CXX_INCLUDE_WHAT_YOU_USE INCLUDE_DIRECTORIES
    INTERPROCEDURAL_OPTIMIZATION LINK_DEPENDS LINK_DIRECTORIES LINK_FLAGS LINK_LIBRARIES
    LINK_OPTIONS PRECOMPILE_HEADERS SOURCES UNITY_BUILD)
  # What a launcher keeps.
  set(kept_properties
    BUILD_RPATH BUILD_RPATH_USE_ORIGIN BUILD_WITH_INSTALL_RPATH CXX_COMPILER_LAUNCHER CXX_EXTENSIONS
    CXX_STANDARD CXX_STANDARD_REQUIRED CXX_VISIBILITY_PRESET DISABLE_PRECOMPILE_HEADERS
    ENABLE_EXPORTS FOLDER INSTALL_RPATH INSTALL_RPATH_USE_LINK_PATH JOB_POOL_COMPILE JOB_POOL_LINK
    PCH_INSTANTIATE_TEMPLATES PCH_WARN_INVALID POSITION_INDEPENDENT_CODE
    PRECOMPILE_HEADERS_REUSE_FROM RUNTIME_OUTPUT_DIRECTORY SKIP_BUILD_RPATH UNITY_BUILD_BATCH_SIZE
    UNITY_BUILD_MODE VISIBILITY_INLINES_HIDDEN)
  # What those who link a library get of it.
  set(interface_properties
    COMPILE_DEFINITIONS COMPILE_FEATURES COMPILE_OPTIONS INCLUDE_DIRECTORIES LINK_DEPENDS
    LINK_DIRECTORIES LINK_LIBRARIES LINK_OPTIONS PRECOMPILE_HEADERS SOURCES
    SYSTEM_INCLUDE_DIRECTORIES)
  list(TRANSFORM interface_properties PREPEND INTERFACE_)
endmacro()

# Makes target.level, which is there, a build of target.
function(_cnnrnn_copy_to_level target level)
  set(build ${target}.${level})
  _cnnrnn_list_properties()
  foreach(property IN LISTS build_properties kept_properties interface_properties)
    get_property(is_set TARGET ${target} PROPERTY ${property} SET)
    get_property(value TARGET ${target} PROPERTY ${property})
    if(is_set AND property MATCHES "LINK_LIBRARIES$|REUSE_FROM$")
      _cnnrnn_libraries_of_level(value ${level} "${value}")
    elseif(is_set AND property MATCHES "SOURCES$")
      _cnnrnn_sources_of_level(value ${target} ${level} "${value}")
    endif()
    if(is_set)
      set_property(TARGET ${build} PROPERTY ${property} "${value}")
    endif()
  endforeach()
  # The last of all that it links: its flags come behind those of the others.
  get_target_property(type ${build} TYPE)
  if(NOT type STREQUAL INTERFACE_LIBRARY)
    _cnnrnn_level_flags(${level})
    set_property(TARGET ${build} APPEND PROPERTY LINK_LIBRARIES cnnrnn_flags.${level})
  endif()
endfunction()

# A library that brings nothing but the flags of a level. SHELL: keeps CMake from leaving them out
# where they have been given before, and something else behind them.
function(_cnnrnn_level_flags level)
  if(NOT TARGET cnnrnn_flags.${level})
    string(REGEX MATCH "[0-9]$" number "${level}")
    if(level STREQUAL x86-64)
      set(number 1)
    endif()
    add_library(cnnrnn_flags.${level} INTERFACE)
    target_compile_options(cnnrnn_flags.${level} INTERFACE
      "SHELL:-march=${level} -mtune=generic -DCNNRNN_X86_64_LEVEL=${number}")
  endif()
endfunction()

# The list with the builds for a level of those libraries that have one, which may stand in generator
# expressions: $<LINK_ONLY:library>.
function(_cnnrnn_libraries_of_level variable level libraries)
  set(name "[A-Za-z0-9_.+-]+")
  set(result "")
  foreach(library IN LISTS libraries)
    string(REGEX MATCHALL "${name}(::${name})*" words "${library}")
    list(REMOVE_DUPLICATES words)
    foreach(word IN LISTS words)
      if(TARGET "${word}")
        _cnnrnn_library_of_level(build ${word} ${level})
        string(REGEX REPLACE "(^|:|,)${word}(,|>|$)" "\\1${build}\\2" library "${library}")
      endif()
    endforeach()
    list(APPEND result "${library}")
  endforeach()
  set(${variable} "${result}" PARENT_SCOPE)
endfunction()

# The build of a library of this project for a level; the library itself where nothing is compiled.
function(_cnnrnn_library_of_level variable library level)
  get_target_property(aliased ${library} ALIASED_TARGET)
  if(aliased)
    set(library ${aliased})
  endif()
  get_target_property(type ${library} TYPE)
  get_target_property(imported ${library} IMPORTED)
  set(build ${library}.${level})
  set(own TRUE)
  if(imported OR NOT type MATCHES "^(STATIC|OBJECT|INTERFACE)_LIBRARY$")
    set(own FALSE)
  elseif(type STREQUAL INTERFACE_LIBRARY)
    get_property(libraries TARGET ${library} PROPERTY INTERFACE_LINK_LIBRARIES)
    _cnnrnn_libraries_of_level(of_level ${level} "${libraries}")
    if(of_level STREQUAL libraries)
      set(own FALSE)
    endif()
  endif()
  if(own AND NOT TARGET ${build})
    string(REPLACE "_LIBRARY" "" kind ${type})
    add_library(${build} ${kind})
    set_property(TARGET ${build} PROPERTY EXCLUDE_FROM_ALL ON)
    _cnnrnn_copy_to_level(${library} ${level})
  endif()
  if(own)
    set(library ${build})
  endif()
  set(${variable} ${library} PARENT_SCOPE)
endfunction()

# The files as they are found from this folder.
function(_cnnrnn_sources_of_level variable target level sources)
  get_target_property(folder ${target} SOURCE_DIR)
  get_target_property(binary_folder ${target} BINARY_DIR)
  set(result "")
  foreach(source IN LISTS sources)
    if(source MATCHES "^\\$<TARGET_OBJECTS:(.*)>$")
      _cnnrnn_library_of_level(build ${CMAKE_MATCH_1} ${level})
      set(source $<TARGET_OBJECTS:${build}>)
    elseif(NOT source MATCHES "^\\$<")
      set(found "${folder}/${source}")
      if(IS_ABSOLUTE "${source}")
        set(found "${source}")
      elseif(NOT EXISTS "${found}" AND EXISTS "${binary_folder}/${source}")
        set(found "${binary_folder}/${source}")
      endif()
      _cnnrnn_copy_source_properties("${found}" ${target} "${folder}")
      set(source "${found}")
    endif()
    list(APPEND result "${source}")
  endforeach()
  set(${variable} "${result}" PARENT_SCOPE)
endfunction()

# Says of a file here what is said of it in the folder of a target.
function(_cnnrnn_copy_source_properties source target folder)
  if(folder STREQUAL CMAKE_CURRENT_SOURCE_DIR)
    return()
  endif()
  foreach(property COMPILE_DEFINITIONS COMPILE_FLAGS COMPILE_OPTIONS GENERATED HEADER_FILE_ONLY
      INCLUDE_DIRECTORIES LANGUAGE OBJECT_DEPENDS SKIP_PRECOMPILE_HEADERS)
    get_source_file_property(value "${source}" TARGET_DIRECTORY ${target} ${property})
    if(value)
      set_source_files_properties("${source}" PROPERTIES ${property} "${value}")
    endif()
  endforeach()
endfunction()

function(_cnnrnn_install_executable target levels)
  list(TRANSFORM levels PREPEND ${target}.)
  _cnnrnn_begin_install(${target})
  install(TARGETS ${levels} RUNTIME DESTINATION "\${cnnrnn_folder}"
    COMPONENT cnnrnn_multiarch_${target} EXCLUDE_FROM_ALL)
  _cnnrnn_end_install()
endfunction()

function(_cnnrnn_install_shared_library target levels)
  list(POP_FRONT levels)
  _cnnrnn_begin_install(${target})
  foreach(level IN LISTS levels)
    install(TARGETS ${target}.${level}
      LIBRARY DESTINATION "\${cnnrnn_folder}/glibc-hwcaps/${level}" NAMELINK_SKIP
      COMPONENT cnnrnn_multiarch_${target} EXCLUDE_FROM_ALL)
  endforeach()
  _cnnrnn_end_install()
endfunction()

# The builds are installed wherever their target has been. CMake does not tell where that will be;
# the list of installed files does, when the time comes. What is between begin and end is of a
# component that nobody else asks for.
function(_cnnrnn_begin_install target)
  install(CODE "
    set(cnnrnn_component \"\${CMAKE_INSTALL_COMPONENT}\")
    set(CMAKE_INSTALL_COMPONENT cnnrnn_none)
    foreach(cnnrnn_file IN LISTS CMAKE_INSTALL_MANIFEST_FILES)
      cmake_path(GET cnnrnn_file FILENAME cnnrnn_name)
      if(cnnrnn_name STREQUAL \"$<TARGET_FILE_NAME:${target}>\")
        file(READ \"\$ENV{DESTDIR}\${cnnrnn_file}\" cnnrnn_magic LIMIT 4 HEX)
        if(cnnrnn_magic STREQUAL 7f454c46)  # ELF: not, for example, what completes its arguments
          cmake_path(GET cnnrnn_file PARENT_PATH cnnrnn_folder)
          cmake_path(RELATIVE_PATH cnnrnn_folder BASE_DIRECTORY \"\${CMAKE_INSTALL_PREFIX}\")
          set(CMAKE_INSTALL_COMPONENT cnnrnn_multiarch_${target})
        endif()
      endif()
    endforeach()" ALL_COMPONENTS)
endfunction()

function(_cnnrnn_end_install)
  install(CODE "
    set(CMAKE_INSTALL_COMPONENT \"\${cnnrnn_component}\")" ALL_COMPONENTS)
endfunction()
