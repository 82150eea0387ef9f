#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/losses/mean_squared_error.h>
#include <torch/types.h>

#include <sstream>

namespace nfopt::losses {

at::Tensor mean_squared_error(const at::Tensor& prediction, const at::Tensor& target) {
  const bool fits = prediction.dim() >= 1 && target.dim() == prediction.dim() &&
                    (target.size(0) == 1 || target.size(0) == prediction.size(0)) &&
                    target.sizes().slice(1) == prediction.sizes().slice(1);
  if (!fits) {
    std::ostringstream text;
    text << "mean_squared_error expects prediction [P, ..] and target [P|1, ..]; received " << prediction.sizes()
         << " and " << target.sizes() << ".";
    throw Error("loss", text.str());
  }
  return (prediction - target).square().reshape({prediction.size(0), -1}).mean(1);
}

}  // namespace nfopt::losses
