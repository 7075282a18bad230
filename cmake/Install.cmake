# Headers, CMake package and pkg-config file. All of it is independent of the architecture and can
# be moved: no absolute path is written anywhere.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME headers)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/cnnrnn)
set(pkgconfig_dir ${CMAKE_INSTALL_DATADIR}/pkgconfig)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/cnnrnn
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.hpp")

install(TARGETS cnnrnn EXPORT cnnrnnTargets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT cnnrnnTargets NAMESPACE cnnrnn:: DESTINATION ${package_dir})

# Before 1.0 a new minor version may break its users.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cnnrnnConfigVersion.cmake
  COMPATIBILITY SameMinorVersion
  ARCH_INDEPENDENT)
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/cnnrnnConfig.cmake.in
  ${PROJECT_BINARY_DIR}/cnnrnnConfig.cmake
  INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO
  NO_CHECK_REQUIRED_COMPONENTS_MACRO)
install(FILES
  ${PROJECT_BINARY_DIR}/cnnrnnConfig.cmake
  ${PROJECT_BINARY_DIR}/cnnrnnConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindRequirements.cmake
  ${PROJECT_SOURCE_DIR}/cmake/Multiarch.cmake
  DESTINATION ${package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/cmake/multiarch/launcher.cpp DESTINATION ${package_dir}/multiarch)

set(CNNRNN_PC_TO_PREFIX /prefix)
cmake_path(RELATIVE_PATH CNNRNN_PC_TO_PREFIX BASE_DIRECTORY /prefix/${pkgconfig_dir})
configure_file(${PROJECT_SOURCE_DIR}/cmake/cnnrnn.pc.in ${PROJECT_BINARY_DIR}/cnnrnn.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/cnnrnn.pc DESTINATION ${pkgconfig_dir})

install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

if(PROJECT_IS_TOP_LEVEL)
  add_custom_target(uninstall
    COMMAND ${CMAKE_COMMAND} -DMANIFEST=${PROJECT_BINARY_DIR}/install_manifest.txt
      -P ${PROJECT_SOURCE_DIR}/cmake/Uninstall.cmake)
endif()
