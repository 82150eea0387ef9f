#include <nfopt/nflayers/layers/nfn/fourier_encode.h>
#include <torch/torch.h>

#include <numbers>

namespace nfopt {

at::Tensor fourier_encode(const at::Tensor& x, double max_freq, int64_t num_bands) {
  const at::Tensor s = at::linspace(1.0, max_freq / 2, num_bands, at::TensorOptions().dtype(at::kDouble))
                           .to(x.device(), x.scalar_type());
  const at::Tensor u = x.unsqueeze(-1) * s * std::numbers::pi;
  return at::cat({u.sin(), u.cos(), x.unsqueeze(-1)}, -1);
}

}  // namespace nfopt
