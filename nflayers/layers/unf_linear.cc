#include <nfopt/nflayers/layers/unf_linear.h>
#include <nfopt/nflayers/spec/error.h>

#include <string>
#include <utility>

namespace nfopt {
namespace {

// Parameters "prefix.name" as "name".
std::vector<StoredParameter> below(const std::vector<StoredParameter>& parameters, const std::string& prefix) {
  std::vector<StoredParameter> result;
  for (const StoredParameter& p : parameters)
    if (p.name.compare(0, prefix.size(), prefix) == 0) result.push_back({p.name.substr(prefix.size()), p.shape});
  return result;
}

}  // namespace

UnfLinearImpl::UnfLinearImpl(UnfLinearOptions given) : options(std::move(given)) {
  if (!options.space()) throw Error("layer", "UnfLinear needs a weight space, received none.");
  reset();
}

void UnfLinearImpl::reset() {
  if (!map_)  // clones share it
    map_ = std::make_shared<const UnfLinearMap>(*options.space(), options.fold(), options.in_channels(),
                                                options.out_channels());
  theta_ = register_module("theta", std::make_shared<ParameterScope>(below(map_->parameters(), "theta.")));
  bias_ = register_module("bias", std::make_shared<ParameterScope>(below(map_->parameters(), "bias.")));
  reset_parameters();
}

void UnfLinearImpl::reset_parameters() {
  const torch::NoGradGuard guard;
  const auto fresh = map_->initial_parameters(Rng(options.seed()), options.init_gain());
  auto mine = parameters_in_order();
  for (size_t i = 0; i < mine.size(); ++i) mine[i].copy_(fresh[i][0]);
}

void UnfLinearImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::UnfLinear(in_channels=" << options.in_channels() << ", out_channels=" << options.out_channels()
         << ", tensors=" << map_->plan()->tensors.size() << ", terms=" << map_->plan()->terms.size() << ")";
}

std::vector<at::Tensor> UnfLinearImpl::parameters_in_order() const {
  auto result = theta_->in_order();
  for (at::Tensor& bias : bias_->in_order()) result.push_back(std::move(bias));
  return result;
}

std::vector<at::Tensor> UnfLinearImpl::forward(const std::vector<at::Tensor>& x) {
  std::vector<at::Tensor> parameters = parameters_in_order();
  for (at::Tensor& p : parameters) p = p.unsqueeze(0);
  return (*map_)(parameters, x);
}

}  // namespace nfopt
