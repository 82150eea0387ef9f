#include <nfopt/nflayers/kernels/no_cuda/no_cuda_kernels.h>
#include <nfopt/nflayers/spec/error.h>

namespace nfopt {
namespace {

class NoCudaKernels final : public CudaKernels {
 public:
  explicit NoCudaKernels(std::string why_not) : why_not_(std::move(why_not)) {}

  std::string unavailable() const override { return why_not_; }

  AccumulatedMomenta accumulate_momenta(const std::vector<at::Tensor>&, const std::vector<at::Tensor>&,
                                        const at::Tensor&, const std::vector<double>&, double) const override {
    refuse();
  }

 private:
  [[noreturn]] void refuse() const { throw Error("cuda", "CUDA kernels are not available: " + why_not_); }

  std::string why_not_;
};

}  // namespace

std::unique_ptr<CudaKernels> no_cuda_kernels(std::string why_not) {
  return std::make_unique<NoCudaKernels>(std::move(why_not));
}

}  // namespace nfopt
