#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <nfopt/nflayers/layers/nfn/flatten_weights.h>
#include <nfopt/nflayers/spec/error.h>

#include <sstream>

namespace nfopt {

int64_t token_count(const WeightSpace& space) {
  int64_t tokens = 0;
  for (const Tensor& tensor : space.tensors()) tokens += tensor.numel();
  return tokens;
}

FlattenWeightsImpl::FlattenWeightsImpl(FlattenWeightsOptions given) : options(std::move(given)) {
  required_space(options.space(), "FlattenWeights");
}

at::Tensor FlattenWeightsImpl::forward(const std::vector<at::Tensor>& x) {
  const auto& tensors = options.space()->tensors();
  if (x.size() != tensors.size())
    throw Error("layer", "FlattenWeights expects one feature tensor per tensor of the weight space, " +
                             std::to_string(tensors.size()) + ", received " + std::to_string(x.size()) + ".");
  std::vector<at::Tensor> tokens;
  for (const at::Tensor& t : x) tokens.push_back(t.reshape({t.size(0), t.size(1), t.size(2), -1}).transpose(2, 3));
  return at::cat(tokens, 2);
}

UnflattenWeightsImpl::UnflattenWeightsImpl(FlattenWeightsOptions given) : options(std::move(given)) {
  required_space(options.space(), "UnflattenWeights");
}

std::vector<at::Tensor> UnflattenWeightsImpl::forward(const at::Tensor& x) {
  const int64_t needed = token_count(*options.space());
  if (x.dim() != 4 || x.size(2) < needed) {
    std::ostringstream shape;
    shape << x.sizes();
    throw Error("layer", "UnflattenWeights expects [P, B, N, C] with N at least " + std::to_string(needed) +
                             ", the entries of the weight space, received " + shape.str() + ".");
  }
  std::vector<at::Tensor> result;
  int64_t next = 0;
  for (const Tensor& tensor : options.space()->tensors()) {
    std::vector<int64_t> sizes = {x.size(0), x.size(1), x.size(3)};
    sizes.insert(sizes.end(), tensor.shape.begin(), tensor.shape.end());
    result.push_back(x.narrow(2, next, tensor.numel()).transpose(2, 3).reshape(sizes));
    next += tensor.numel();
  }
  return result;
}

}  // namespace nfopt
