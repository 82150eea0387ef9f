# LibTorch's headers cost 10 to 20 s a file; precompiled they cost a fraction. A file pays even for what it does not use:
# the inline functions of a precompiled header are instantiated again in every file, 4 s for tensors and autograd, 8 s
# for all of torch/torch.h. Hence two of them.
#
#   nfopt_use_precompiled(target)          tensors and autograd: sources include <torch/types.h>
#   nfopt_use_precompiled_modules(target)  modules, optimizers and serialization, too: <torch/torch.h>

function(nfopt_reuse_precompiled target carrier)
  if(NOT TARGET ${carrier})
    file(WRITE "${PROJECT_BINARY_DIR}/pch/${carrier}.cc" "// Carries the precompiled header.\n")
    add_library(${carrier} OBJECT "${PROJECT_BINARY_DIR}/pch/${carrier}.cc")
    target_link_libraries(${carrier} PRIVATE nfopt_torch)
    target_precompile_headers(${carrier} PRIVATE ${ARGN})
    set_target_properties(${carrier} PROPERTIES EXCLUDE_FROM_ALL OFF)
  endif()
  target_link_libraries(${target} PRIVATE nfopt_torch)
  target_precompile_headers(${target} REUSE_FROM ${carrier})
endfunction()

function(nfopt_use_precompiled target)
  nfopt_reuse_precompiled(${target} nfopt_pch_tensors
    <torch/types.h> <torch/csrc/autograd/autograd.h> <torch/csrc/autograd/grad_mode.h>
    <torch/csrc/autograd/generated/variable_factories.h>)
endfunction()

function(nfopt_use_precompiled_modules target)
  nfopt_reuse_precompiled(${target} nfopt_pch <torch/torch.h>)
endfunction()

# With NFOPT_UNITY, a target's sources are compiled six at a time: most of what a file costs is LibTorch's headers, so
# that a first build takes half as long, and a change of one file longer.
function(nfopt_unity target)
  if(NFOPT_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
    # g++ takes a source that another one includes for a header, where unnamed namespaces are suspect.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()
