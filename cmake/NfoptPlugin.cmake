# A plugin is two calls for its author, in this repository and in a project of their own (find_package(nfopt)):
#
#   nfopt_add_plugin(gru SOURCES gru.cc gru_network.cc TORCH)
#   nfopt_test_plugin(gru)
#
# The first builds gru.nfopt.so: a module with hidden visibility, whose version script exports the entry and nothing else, and
# which finds nfopt's libraries by its own RPATH.
#
#   SOURCES ...      one of them contains NFOPT_PLUGIN(Gru, .id = "gru", ...)
#   TORCH            the sources include LibTorch: needed for a TrainableArchitecture, not for a description
#   LINK ...         further libraries
#   DESTINATION dir  where the module goes; default: <build>/plugins

set(NFOPT_PLUGIN_EXPORTS "${CMAKE_CURRENT_LIST_DIR}/plugin_exports.map" CACHE INTERNAL "Symbols that a plugin exports")

function(nfopt_add_plugin name)
  cmake_parse_arguments(arg "TORCH" "DESTINATION" "SOURCES;LINK" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "[plugins] nfopt_add_plugin(${name}) expects SOURCES ... [TORCH] [LINK ...] [DESTINATION dir]; "
                        "received '${ARGN}'.")
  endif()
  set(folder "${PROJECT_BINARY_DIR}/plugins")
  if(arg_DESTINATION)
    set(folder "${arg_DESTINATION}")
  endif()

  set(target nfopt_plugin_${name})
  add_library(${target} MODULE ${arg_SOURCES})
  if(arg_TORCH)
    target_link_libraries(${target} PRIVATE nfopt::torch)
  else()
    # First on the line: libc10.so exports some of libstdc++'s symbols, and a description that took one from there
    # would depend on LibTorch.
    target_link_libraries(${target} PRIVATE stdc++)
  endif()
  target_link_libraries(${target} PRIVATE nfopt::plugin ${arg_LINK})
  target_compile_definitions(${target} PRIVATE NFOPT_BUILD_TYPE="$<CONFIG>")
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME "${name}" PREFIX "" SUFFIX ".nfopt.so" DEFINE_SYMBOL ""
    LIBRARY_OUTPUT_DIRECTORY "${folder}"
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS "${NFOPT_PLUGIN_EXPORTS}"
    # <prefix>/lib/nfopt/plugins: the libraries are two folders up. A plugin elsewhere keeps the folder it linked to.
    INSTALL_RPATH "$ORIGIN;$ORIGIN/../..")
  # -z defs: a forgotten library is an error of the author's linker, not of the user's loader.
  target_link_options(${target} PRIVATE "LINKER:--version-script=${NFOPT_PLUGIN_EXPORTS}" "LINKER:-z,defs" "LINKER:--as-needed")

  if(COMMAND nfopt_use_precompiled)  # this repository
    nfopt_warnings(${target})
    if(arg_TORCH)
      nfopt_use_precompiled(${target})
    endif()
    if(NOT arg_DESTINATION)
      set_property(GLOBAL APPEND PROPERTY NFOPT_PLUGIN_TARGETS ${target})  # installed, and needed by the tests
    endif()
  else()
    set_target_properties(${target} PROPERTIES CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF
      INSTALL_RPATH_USE_LINK_PATH ON)
  endif()
endfunction()

# A CTest `plugin_check_<name>` that runs `nfopt plugin check` on the plugin of nfopt_add_plugin(<name> ..). Further
# arguments go to the command: nfopt_test_plugin(gru --seed 7).
function(nfopt_test_plugin name)
  if(TARGET nfopt)  # this repository
    set(program $<TARGET_FILE:nfopt>)
  else()
    find_program(NFOPT_PROGRAM nfopt HINTS "${NFOPT_PROGRAM_DIR}" NO_DEFAULT_PATH REQUIRED)
    set(program "${NFOPT_PROGRAM}")
  endif()
  add_test(NAME plugin_check_${name} COMMAND "${program}" plugin check $<TARGET_FILE:nfopt_plugin_${name}> ${ARGN})
endfunction()
