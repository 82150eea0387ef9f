#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/runtime/optimizers/context_description.h>
#include <nfopt/runtime/optimizers/context_geometry.h>
#include <nfopt/runtime/optimizers/parameter_layout.h>
#include <nfopt/runtime/optimizers/update_rule.h>

#include <memory>
#include <vector>

namespace nfopt {

/// The memory of the rule `context`, and its bias-corrected averages.
class ContextAccumulators {
 public:
  ContextAccumulators(const ContextDescription& description, std::shared_ptr<const ParameterLayout> layout,
                      std::vector<ContextTensor> tensors);

  RuleState init(int64_t members, const at::TensorOptions& options) const;
  /// After gradient g [P, N] and, if defined, loss [P].
  RuleState advance(const RuleState& old, const at::Tensor& g, const at::Tensor& loss) const;
  /// The old averages of every tensor without a gradient, in place of the new ones.
  void keep(const std::vector<at::Tensor>& grads, const RuleState& old, RuleState& state) const;

  struct Averages {
    at::Tensor momenta;  ///< [P, 3, N]
    at::Tensor squares;  ///< [P, N]
    /// g times this is the factored direction: [P, N], undefined entries where a tensor is not factored
    std::vector<at::Tensor> factors;
  };
  Averages averages(const RuleState& state) const;
  /// log(average loss / first loss), clipped, [P, 1]; 0 before the first loss.
  at::Tensor loss_trend(const RuleState& state) const;

 private:
  /// The part of tensor i in `rows` or `columns`.
  std::vector<at::Tensor> split(const at::Tensor& flat, int64_t ContextTensor::*size) const;

  const ContextDescription& description_;
  std::shared_ptr<const ParameterLayout> layout_;
  std::vector<ContextTensor> tensors_;
};

}  // namespace nfopt
