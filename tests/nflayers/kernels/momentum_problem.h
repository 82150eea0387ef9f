#pragma once

#include <nfopt/nflayers/random/rng.h>
#include <torch/types.h>

#include <string>
#include <vector>

namespace nfopt {

inline const std::vector<double> kDecays = {0.1, 0.5, 0.9, 0.99, 0.999, 0.9999};

struct MomentumProblem {
  std::vector<at::Tensor> params, grads;  ///< [members, shape...]
  at::Tensor momenta;                     ///< [members, decays, total]
};

inline at::Tensor normal_tensor(const Rng& rng, const std::vector<int64_t>& shape) {
  at::Tensor tensor = at::empty(shape, at::kDouble);
  for (int64_t i = 0; i < tensor.numel(); ++i)
    tensor.mutable_data_ptr<double>()[i] = rng.normal(static_cast<uint64_t>(i));
  return tensor;
}

inline MomentumProblem momentum_problem(int64_t members, const std::vector<std::vector<int64_t>>& shapes,
                                        at::ScalarType type) {
  const Rng rng(7);
  MomentumProblem made;
  int64_t total = 0;
  for (std::vector<int64_t> shape : shapes) {
    shape.insert(shape.begin(), members);
    const auto number = static_cast<uint64_t>(made.params.size());
    made.params.push_back(normal_tensor(rng.purpose("params").index(number), shape).to(type));
    made.grads.push_back((normal_tensor(rng.purpose("grads").index(number), shape) * 2).to(type));
    total += made.params.back()[0].numel();
  }
  made.momenta = normal_tensor(rng.purpose("momenta"), {members, static_cast<int64_t>(kDecays.size()), total}).to(type);
  return made;
}

}  // namespace nfopt
