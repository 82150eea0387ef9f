#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/weight_space.h>
#include <nfopt/runtime/optimizers/factored_moments.h>
#include <nfopt/runtime/optimizers/named_tensors.h>
#include <nfopt/runtime/optimizers/parameter_layout.h>
#include <nfopt/runtime/optimizers/rule_description.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
/// Accumulators live flat in the rule's state: `momenta` [P, decays, N] and, where the features need them, `rms`
/// [P, 1, N] and those of FactoredMoments; N runs over all parameters in order.
class FeatureBuilder {
 public:
  FeatureBuilder(FeatureDescription description, const WeightSpace& space,
                 std::shared_ptr<const ParameterLayout> layout);

  /// Offsets of learned decays, 0 at the start; none where decays are fixed.
  std::vector<std::pair<std::string, std::vector<int64_t>>> theta_shapes() const;
  std::vector<at::Tensor> initial_theta() const;

  void add_state(NamedTensors& state, int64_t members, const at::TensorOptions& options) const;
  /// The accumulators after gradient g [P, N].
  void advance(std::span<const at::Tensor> theta, const NamedTensors& old, const at::Tensor& g,
               NamedTensors& state) const;
  /// Of a state tensor [P, rows, ..]: its rows, and the entries of each parameter along its last axis.
  int64_t state_rows(std::string_view name) const;
  const std::vector<int64_t>& state_numels(std::string_view name) const;

  /// [P, decays, N] after `advance`; undefined when no input asks for them. `steps` has one entry for all members or
  /// one for each; 0 is the first step.
  at::Tensor normalized_momenta(const NamedTensors& state, const std::vector<int64_t>& steps) const;
  Features build(const at::Tensor& p, const at::Tensor& g, const NamedTensors& state,
                 const at::Tensor& normalized_momenta, const std::vector<int64_t>& steps, FeatureStages* stages) const;

 private:
  bool has(FeatureInput input) const;

  FeatureDescription description_;
  std::shared_ptr<const ParameterLayout> layout_;
  std::optional<FactoredMoments> factored_;
};

}  // namespace nfopt
