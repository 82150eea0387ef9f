# What an installation holds, and the CMake package `nfopt`:
#
#   bin/nfopt                         the program
#   lib/libnfopt_*.so                 nfopt::spec, nfopt::nflayers, nfopt::runtime
#   lib/nfopt/plugins/*.nfopt.so      found by the registry beside the libraries
#   lib/cmake/nfopt/                  find_package(nfopt), nfopt_add_plugin()
#   include/nfopt/{nflayers,runtime}/ the same #include lines as in the build tree
#   share/nfopt/{configs,pretrained}/
#   share/bash-completion/
#
# LibTorch is not copied: the libraries remember where they found it, and the package looks for it in the same places.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/nfopt")
set(plugin_dir "${CMAKE_INSTALL_LIBDIR}/nfopt/plugins")

# ---- libraries and program -------------------------------------------------------------------
set_target_properties(nfopt_torch PROPERTIES EXPORT_NAME torch)
set_target_properties(nfopt_plugin PROPERTIES EXPORT_NAME plugin)
foreach(library spec nflayers runtime)
  set_target_properties(nfopt_${library} PROPERTIES EXPORT_NAME ${library} INSTALL_RPATH "$ORIGIN")
endforeach()
set_target_properties(nfopt PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")

install(TARGETS nfopt_torch nfopt_spec nfopt_nflayers nfopt_runtime nfopt_plugin EXPORT nfoptTargets
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(TARGETS nfopt RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")

get_property(plugin_targets GLOBAL PROPERTY NFOPT_PLUGIN_TARGETS)
if(plugin_targets)
  install(TARGETS ${plugin_targets} LIBRARY DESTINATION "${plugin_dir}")
endif()

# ---- headers: all but the program's own, which include CLI11 -----------------------------------
foreach(floor nflayers runtime)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/${floor}/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/nfopt/${floor}"
    FILES_MATCHING PATTERN "*.h" PATTERN "cli" EXCLUDE)
endforeach()

# ---- configs and meta-trained optimizers -----------------------------------------------------
foreach(folder configs pretrained)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}/" DESTINATION "${CMAKE_INSTALL_DATADIR}/nfopt/${folder}" OPTIONAL)
endforeach()

install(FILES "${PROJECT_SOURCE_DIR}/share/bash-completion/nfopt"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")

# ---- the package -----------------------------------------------------------------------------
install(EXPORT nfoptTargets NAMESPACE nfopt:: DESTINATION "${package_dir}")
configure_package_config_file(cmake/nfoptConfig.cmake.in "${PROJECT_BINARY_DIR}/package/nfoptConfig.cmake"
  INSTALL_DESTINATION "${package_dir}")
# Before 1.0 a minor version may change every header.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/nfoptConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/package/nfoptConfig.cmake" "${PROJECT_BINARY_DIR}/package/nfoptConfigVersion.cmake"
  cmake/LibTorch.cmake cmake/NfoptPlugin.cmake cmake/plugin_exports.map
  DESTINATION "${package_dir}")
