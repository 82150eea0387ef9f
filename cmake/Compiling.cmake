# Flags that every target of ours shares. They must stay identical everywhere: one precompiled header serves all
# targets that include LibTorch (cmake/Precompiled.cmake), and GCC refuses it when a flag differs.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
# Programs run from the build tree and from an installation without LD_LIBRARY_PATH.
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)

get_property(is_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT CMAKE_BUILD_TYPE AND NOT is_multi_config)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release or RelWithDebInfo" FORCE)
endif()
# -O2: the hot loops of ours are vectorised by hand, and -O3 costs a third more compile time.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")

# Programs too (not -fPIE), or they could not reuse the precompiled header. nvcc takes none of these flags.
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fPIC>)

function(nfopt_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra $<$<BOOL:${NFOPT_WARNINGS_AS_ERRORS}>:-Werror>)
endfunction()

if(NFOPT_SANITIZE)
  if(NFOPT_SANITIZE MATCHES "thread" AND NFOPT_SANITIZE MATCHES "address")
    message(FATAL_ERROR "[sanitize] thread and address cannot be combined: received NFOPT_SANITIZE='${NFOPT_SANITIZE}'")
  endif()
  # A finding ends the test. vptr would look for type information that LibTorch and hidden symbols do not share.
  set(sanitizer_flags -fsanitize=${NFOPT_SANITIZE} -fno-sanitize-recover=all -fno-sanitize=vptr -fno-omit-frame-pointer)
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${sanitizer_flags}>")
  add_link_options(-fsanitize=${NFOPT_SANITIZE})
  find_program(NFOPT_SETARCH setarch)
  if(NFOPT_SANITIZE MATCHES "thread" AND NFOPT_SETARCH)
    # Newer kernels place memory where GCC's thread sanitizer does not expect it, unless randomisation is off.
    set(CMAKE_CROSSCOMPILING_EMULATOR "${NFOPT_SETARCH}" -R)
  endif()
endif()

if(NFOPT_CCACHE)
  find_program(CCACHE_PROGRAM ccache)
  if(CCACHE_PROGRAM)
    set(CMAKE_CXX_COMPILER_LAUNCHER
        "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
        "${CCACHE_PROGRAM}")
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # ccache needs it to see through a precompiled header
      add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
    endif()
  endif()
endif()

# Headers sit beside their sources and are included as <nfopt/nflayers/...> and <nfopt/runtime/...>, in the build
# tree as in an installation.
set(NFOPT_INCLUDE_DIR "${PROJECT_BINARY_DIR}/include")
file(MAKE_DIRECTORY "${NFOPT_INCLUDE_DIR}/nfopt")
foreach(floor nflayers runtime)
  file(CREATE_LINK "${PROJECT_SOURCE_DIR}/${floor}" "${NFOPT_INCLUDE_DIR}/nfopt/${floor}" SYMBOLIC)
endforeach()
