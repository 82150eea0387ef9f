#pragma once

#include <nfopt/nflayers/kernels/aten/momentum_accumulation.h>
#include <nfopt/nflayers/spec/export.h>

#include <string>
#include <vector>

namespace nfopt {

/// Kernels for NVIDIA GPUs. They live in a library of their own, libnfopt_cuda.so beside libnfopt_nflayers.so, which is
/// loaded on a machine that has a GPU and nowhere else: nothing of nfopt links it, nor LibTorch's CUDA libraries.
///
/// Every kernel has the name, arguments and result of its reference in nflayers/kernels/aten, and equals it up to
/// rounding. Results do not depend on the number of blocks in flight: reductions are fixed trees. Kernels run on the
/// current stream and never wait for the device, so they may be captured in a CUDA graph; they have no derivatives.
class NFOPT_API CudaKernels {
 public:
  virtual ~CudaKernels();

  /// "" when the kernels can run; else why not and what to do. Then every kernel throws Error with this text.
  virtual std::string unavailable() const = 0;

  /// params, grads float32 or bfloat16, momenta float32, at most 16 decays, all on one GPU.
  virtual AccumulatedMomenta accumulate_momenta(const std::vector<at::Tensor>& params,
                                                const std::vector<at::Tensor>& grads, const at::Tensor& momenta,
                                                const std::vector<double>& decays, double clip) const = 0;
};

/// The kernels of this process; their null twin (nflayers/kernels/no_cuda) where there is no driver, no GPU or no
/// library. The first call looks for them, and loads LibTorch's CUDA back end with them: make it before the first
/// tensor is moved to a GPU, since LibTorch asks only once whether it has one.
/// [any-thread]
NFOPT_API const CudaKernels& cuda_kernels();

}  // namespace nfopt
