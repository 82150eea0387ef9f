# torch/torch.h costs 20 s per file; precompiled once it costs a fraction. Every target of ours that includes
# LibTorch reuses this one header.
#
#   nfopt_use_precompiled(target)

function(nfopt_use_precompiled target)
  if(NOT TARGET nfopt_pch)
    file(WRITE "${PROJECT_BINARY_DIR}/pch/precompiled.cc" "// Carries the precompiled header.\n")
    add_library(nfopt_pch OBJECT "${PROJECT_BINARY_DIR}/pch/precompiled.cc")
    target_link_libraries(nfopt_pch PRIVATE nfopt_torch)
    target_precompile_headers(nfopt_pch PRIVATE <torch/torch.h>)
    set_target_properties(nfopt_pch PROPERTIES EXCLUDE_FROM_ALL OFF)
  endif()
  target_link_libraries(${target} PRIVATE nfopt_torch)
  target_precompile_headers(${target} REUSE_FROM nfopt_pch)
endfunction()
