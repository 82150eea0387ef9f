# Finds LibTorch and defines nfopt::torch. `find_package(Torch)` is not used: on a machine without a CUDA toolkit it
# fails although the CPU libraries are complete.
#
# Order: -DNFOPT_LIBTORCH=DIR, Torch_DIR, CMAKE_PREFIX_PATH, the active Python's torch, the wheel fetched by
# scripts/setup. The first hit wins; a miss lists every place that was searched.

set(NFOPT_TORCH_VERSION 2.11.0)

function(nfopt_find_libtorch result)
  set(candidates "")
  if(NFOPT_LIBTORCH)
    if(NOT EXISTS "${NFOPT_LIBTORCH}/lib/libtorch_cpu.so")
      message(FATAL_ERROR "[torch] NFOPT_LIBTORCH='${NFOPT_LIBTORCH}' has no lib/libtorch_cpu.so. "
                          "Name the folder that holds LibTorch's include/ and lib/.")
    endif()
    list(APPEND candidates "${NFOPT_LIBTORCH}")
  endif()
  if(Torch_DIR)
    list(APPEND candidates "${Torch_DIR}/../../..")
  endif()
  foreach(prefix ${CMAKE_PREFIX_PATH} $ENV{CMAKE_PREFIX_PATH})
    list(APPEND candidates "${prefix}" "${prefix}/torch")
  endforeach()
  find_program(NFOPT_PYTHON NAMES python3 python DOC "Interpreter whose torch may be used")
  if(NFOPT_PYTHON)
    execute_process(
      COMMAND "${NFOPT_PYTHON}" -c "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
      OUTPUT_VARIABLE from_python OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(from_python)
      list(APPEND candidates "${from_python}")
    endif()
  endif()
  if(DEFINED ENV{NFOPT_CACHE})
    set(cache "$ENV{NFOPT_CACHE}")
  elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(cache "$ENV{XDG_CACHE_HOME}/nfopt")
  else()
    set(cache "$ENV{HOME}/.cache/nfopt")
  endif()
  list(APPEND candidates "${cache}/libtorch-${NFOPT_TORCH_VERSION}/torch")

  set(report "")
  foreach(root ${candidates})
    # 2.11 keeps the numbers in headeronly/; releases before 2.9 in the C++ frontend's own version.h.
    set(version_header "${root}/include/torch/headeronly/version.h")
    if(NOT EXISTS "${version_header}")
      set(version_header "${root}/include/torch/csrc/api/include/torch/version.h")
    endif()
    if(NOT EXISTS "${root}/lib/libtorch_cpu.so" OR NOT EXISTS "${version_header}")
      string(APPEND report "\n       ${root}: no lib/libtorch_cpu.so with headers")
      continue()
    endif()
    file(STRINGS "${version_header}" lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
    string(REGEX REPLACE "[^0-9;]" "" version "${lines}")
    string(REPLACE ";" "." version "${version}")
    if(NOT version VERSION_EQUAL NFOPT_TORCH_VERSION)
      string(APPEND report "\n       ${root}: LibTorch ${version}, expected ${NFOPT_TORCH_VERSION}")
      continue()
    endif()
    get_filename_component(root "${root}" REALPATH)
    set(${result} "${root}" PARENT_SCOPE)
    return()
  endforeach()
  message(FATAL_ERROR "[torch] LibTorch ${NFOPT_TORCH_VERSION} was not found. Searched, in this order:${report}\n"
                      "       Run scripts/setup, which fetches it, or pass -DNFOPT_LIBTORCH=DIR.")
endfunction()

nfopt_find_libtorch(NFOPT_TORCH_ROOT)
message(STATUS "LibTorch: ${NFOPT_TORCH_ROOT}")

# In this repository the target is made here; the installed package has imported it, empty, before it includes this.
set(nfopt_torch_target nfopt::torch)
if(NOT TARGET nfopt::torch)
  set(nfopt_torch_target nfopt_torch)
  add_library(nfopt_torch INTERFACE)
  add_library(nfopt::torch ALIAS nfopt_torch)
endif()
target_compile_features(${nfopt_torch_target} INTERFACE cxx_std_20)
target_include_directories(${nfopt_torch_target} SYSTEM INTERFACE
  $<BUILD_INTERFACE:${NFOPT_TORCH_ROOT}/include>
  $<BUILD_INTERFACE:${NFOPT_TORCH_ROOT}/include/torch/csrc/api/include>)
target_link_libraries(${nfopt_torch_target} INTERFACE
  $<BUILD_INTERFACE:${NFOPT_TORCH_ROOT}/lib/libtorch_cpu.so>
  $<BUILD_INTERFACE:${NFOPT_TORCH_ROOT}/lib/libc10.so>)
# libtorch_cpu.so itself needs libcudart and libcupti; only the linker has to be told where the wheels keep them.
if(EXISTS "${NFOPT_TORCH_ROOT}/../nvidia/cu13/lib")
  target_link_options(${nfopt_torch_target} INTERFACE
    $<BUILD_INTERFACE:LINKER:-rpath-link,${NFOPT_TORCH_ROOT}/../nvidia/cu13/lib>)
endif()
