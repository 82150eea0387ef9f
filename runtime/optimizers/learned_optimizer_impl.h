#pragma once

#include <nfopt/runtime/optimizers/learned_optimizer.h>
#include <nfopt/runtime/optimizers/parameter_binding.h>

namespace nfopt {

/// Accumulators in half precision would lose small gradients.
inline at::ScalarType compute_type(at::ScalarType type) {
  return type == at::kHalf || type == at::kBFloat16 ? at::kFloat : type;
}

inline NamedTensors converted(const NamedTensors& tensors, const at::TensorOptions& options) {
  NamedTensors out;
  for (const auto& [name, tensor] : tensors) out.add(name, tensor.to(options));
  return out;
}

/// What stepping (learned_optimizer.cc) and keeping (learned_optimizer_state.cc) share.
struct LearnedOptimizer::Impl {
  Rule rule;
  NamedTensors theta;                      ///< as given
  NamedTensors compute_theta;              ///< in the type and on the device of the parameters
  std::unique_ptr<InPlaceSteps> in_place;  ///< with compute_theta; made when first needed
  RuleState state;
  ParameterBinding binding;
  std::vector<FallbackState> fallback;  ///< one per uncovered parameter
  size_t bound_tensors = 0;             ///< in all groups at construction
  int64_t steps = 0;
  int64_t skipped = 0;
  std::string last_skip;

  at::TensorOptions compute_options() const {
    const BoundParameter& first = binding.covered.front();
    return at::TensorOptions().dtype(compute_type(first.type)).device(first.device);
  }
  std::vector<at::Tensor> params() const {
    const at::ScalarType type = compute_type(binding.covered.front().type);
    std::vector<at::Tensor> list;
    for (const BoundParameter& p : binding.covered) list.push_back(p.tensor.detach().to(type).unsqueeze(0));
    return list;
  }
  /// After theta or what the parameters are has changed.
  void set_theta() {
    compute_theta = converted(theta, compute_options());
    in_place.reset();
  }
};

}  // namespace nfopt
