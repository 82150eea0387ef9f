#pragma once

#include <nfopt/nflayers/kernels/cuda/cuda_kernels.h>

#include <memory>
#include <string>

namespace nfopt {

/// Stands where the CUDA kernels cannot run: every kernel throws Error("cuda", ..) that says why.
NFOPT_API std::unique_ptr<CudaKernels> no_cuda_kernels(std::string why_not);

}  // namespace nfopt
