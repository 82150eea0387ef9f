#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/runtime/optimizers/named_tensors.h>
#include <nfopt/runtime/optimizers/parameter_layout.h>
#include <nfopt/runtime/optimizers/rule_description.h>

#include <memory>

namespace nfopt {

/// What a network reads: channels that differ per element, and channels that are the same number everywhere, which come
/// last. Kept apart so that a first dense layer can add the constant ones to its bias.
struct Features {
  at::Tensor channels;  ///< [P, C, N]
  at::Tensor constant;  ///< [P|1, K]

  at::Tensor joined() const;  ///< [P, C + K, N]
};

/// Values on the way to the features, [P, C, N] each.
struct FeatureStages {
  at::Tensor raw, clipped, normalized;
};

/// Parameters, gradients and accumulators -> features (FeatureDescription has the formulas).
///
/// Accumulators live flat in the rule's state: `momenta` [P, decays, N] and, where the features need it, `rms`
/// [P, 1, N]; N runs over all parameters in order.
class FeatureBuilder {
 public:
  FeatureBuilder(FeatureDescription description, std::shared_ptr<const ParameterLayout> layout);

  void add_state(NamedTensors& state, int64_t members, const at::TensorOptions& options) const;
  /// The accumulators after gradient g [P, N].
  void advance(const NamedTensors& old, const at::Tensor& g, NamedTensors& state) const;

  /// [P, decays, N] after `advance`; undefined when no input asks for them. `steps` has one entry for all members or
  /// one for each; 0 is the first step.
  at::Tensor normalized_momenta(const NamedTensors& state, const std::vector<int64_t>& steps) const;
  Features build(const at::Tensor& p, const at::Tensor& g, const NamedTensors& state,
                 const at::Tensor& normalized_momenta, const std::vector<int64_t>& steps, FeatureStages* stages) const;

 private:
  bool has(FeatureInput input) const;

  FeatureDescription description_;
  std::shared_ptr<const ParameterLayout> layout_;
};

}  // namespace nfopt
