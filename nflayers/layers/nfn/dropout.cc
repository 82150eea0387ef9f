#include <nfopt/nflayers/layers/nfn/dropout.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

namespace nfopt {

void require_probability(const char* layer, double p) {
  if (!(p >= 0 && p < 1))
    throw Error("layer", std::string(layer) + " needs a dropout of at least 0 and less than 1, received " +
                             std::to_string(p) + ".");
}

at::Tensor dropped(const at::Tensor& x, at::IntArrayRef mask_of, double p, const Rng& rng) {
  at::Tensor mask = at::empty(mask_of, x.options().requires_grad(false));
  {
    const torch::NoGradGuard guard;
    fill_uniform(mask, rng, 0.0, 1.0);
    mask = mask.ge(p).to(x.scalar_type()).div_(1.0 - p);
  }
  return x * mask;
}

}  // namespace nfopt
