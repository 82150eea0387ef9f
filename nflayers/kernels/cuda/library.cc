// The entry of libnfopt_cuda.so: tensors in, kernels queued on the current stream, tensors out.

#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <nfopt/nflayers/kernels/cuda/cuda_kernels.h>
#include <nfopt/nflayers/kernels/cuda/momentum_launch.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/version.h>
#include <torch/types.h>

#include <algorithm>

namespace nfopt {
namespace {

cuda::Number number_of(const at::Tensor& tensor, const char* what) {
  if (tensor.scalar_type() == at::kFloat) return cuda::Number::float32;
  if (tensor.scalar_type() == at::kBFloat16) return cuda::Number::bfloat16;
  throw Error("cuda", std::string("momenta: expected ") + what + " of type Float or BFloat16, received " +
                          c10::toString(tensor.scalar_type()) + ". Use nflayers/kernels/aten for other types.");
}

bool wants_grad(const std::vector<at::Tensor>& list) {
  return std::any_of(list.begin(), list.end(), [](const at::Tensor& tensor) { return tensor.requires_grad(); });
}

std::vector<at::Tensor> contiguous(const std::vector<at::Tensor>& list) {
  std::vector<at::Tensor> result;
  for (const at::Tensor& tensor : list) result.push_back(tensor.contiguous());
  return result;
}

class LoadedCudaKernels final : public CudaKernels {
 public:
  std::string unavailable() const override { return ""; }

  AccumulatedMomenta accumulate_momenta(const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
                                        const at::Tensor& momenta, const std::vector<double>& decays,
                                        double clip) const override {
    check_momenta(params, grads, momenta, decays, clip);
    if (!momenta.is_cuda() || momenta.scalar_type() != at::kFloat || momenta.size(1) > cuda::kMostDecays)
      throw Error("cuda", "momenta: expected a Float state on a GPU with at most " + std::to_string(cuda::kMostDecays) +
                              " decays, received " + c10::toString(momenta.scalar_type()) + " on " +
                              momenta.device().str() + " with " + std::to_string(momenta.size(1)) + ".");
    if (at::GradMode::is_enabled() && (momenta.requires_grad() || wants_grad(params) || wants_grad(grads)))
      throw Error("cuda",
                  "momenta: this kernel has no derivatives. Call it without grad mode, or use "
                  "nflayers/kernels/aten.");

    const c10::cuda::CUDAGuard guard(momenta.device());
    const std::vector<at::Tensor> p = contiguous(params);
    const std::vector<at::Tensor> g = contiguous(grads);
    const at::Tensor old = momenta.contiguous();
    const auto count = static_cast<int64_t>(p.size());

    cuda::MomentumLaunch launch{};
    launch.members = old.size(0);
    launch.decay_count = static_cast<int>(old.size(1));
    launch.total = old.size(2);
    launch.all_tensors = count;
    for (const at::Tensor& tensor : p) launch.all_chunks += cuda::chunks_of(tensor.numel() / launch.members);
    for (size_t k = 0; k < decays.size(); ++k) launch.weights[k] = static_cast<float>(1 - decays[k]);
    launch.clip = static_cast<float>(clip);
    launch.parameter_type = number_of(p[0], "parameters");
    launch.gradient_type = number_of(g[0], "gradients");

    AccumulatedMomenta result;
    result.momenta = at::empty_like(old);
    result.sums_of_squares = at::empty({launch.members, count}, old.options());
    const at::Tensor chunk_sums = at::empty({launch.members, launch.all_chunks}, old.options().dtype(at::kDouble));
    launch.momenta = old.const_data_ptr<float>();
    launch.new_momenta = result.momenta.mutable_data_ptr<float>();
    launch.sums_of_squares = result.sums_of_squares.mutable_data_ptr<float>();
    launch.chunk_sums = chunk_sums.mutable_data_ptr<double>();

    const cudaStream_t stream = c10::cuda::getCurrentCUDAStream().stream();
    int64_t offset = 0;
    int64_t chunk = 0;
    for (int64_t first = 0; first < count; first += cuda::kTensorsPerLaunch) {
      launch.first_tensor = first;
      launch.tensor_count = static_cast<int>(std::min<int64_t>(count - first, cuda::kTensorsPerLaunch));
      for (int i = 0; i < launch.tensor_count; ++i) {
        const auto at = static_cast<size_t>(first + i);
        const int64_t numel = p[at].numel() / launch.members;
        launch.tensors[i] = {p[at].const_data_ptr(), g[at].const_data_ptr(), numel, offset, chunk};
        offset += numel;
        chunk += cuda::chunks_of(numel);
      }
      cuda::accumulate_momenta(launch, stream);
      C10_CUDA_KERNEL_LAUNCH_CHECK();
    }
    return result;
  }
};

}  // namespace
}  // namespace nfopt

extern "C" NFOPT_API const char* nfopt_cuda_version() { return NFOPT_VERSION; }
extern "C" NFOPT_API const nfopt::CudaKernels* nfopt_cuda_kernels() {
  static const auto* kernels = new nfopt::LoadedCudaKernels;  // never destroyed, as the library is never unloaded
  return kernels;
}
