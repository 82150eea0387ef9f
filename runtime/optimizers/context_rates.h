#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/runtime/optimizers/context_description.h>
#include <nfopt/runtime/optimizers/context_geometry.h>
#include <nfopt/runtime/optimizers/update_rule.h>

#include <vector>

namespace nfopt {

/// The step-size network of the rule `context`: per tensor
///
///   lambda = b[role] + w . tanh(x L + l[role])        rate = exp(min(lambda, 0))
///
///   x = tanh(10 (t/T - q)) for the progress centres q, 0.1 log(t + 1), 0.1 log numel, 0.1 log fan-in,
///       0.3 log(rms(w) + 1e-3), 0.3 log((rms(n) + 1e-3) / (rms(w) + 1e-3)), log(average loss / first loss)
///
/// n is the nominal direction.
class ContextRates {
 public:
  ContextRates(const ContextDescription& description, std::vector<ContextTensor> tensors);

  struct Theta {
    at::Tensor weight1, bias1, weight2, bias2;  ///< [P|1, X, U], [P|1, R, U], [P|1, U], [P|1, R]
  };
  /// [P, T] from weight_rms and nominal_rms [P, T] and loss_trend [P, 1].
  at::Tensor operator()(const Theta& theta, const at::Tensor& weight_rms, const at::Tensor& nominal_rms,
                        const at::Tensor& loss_trend, const StepContext& context) const;

  /// The part of x that a member's tensors share. Throws Error for lists of another length than `members` and for an
  /// empty horizon.
  std::vector<double> member_inputs(const StepContext& context, int64_t member, int64_t members) const;
  /// The part of x that a tensor always has.
  const std::vector<double>& tensor_inputs(size_t tensor) const { return tensor_inputs_[tensor]; }

  /// The same for one member and tensor; theta are a member's numbers, row-major.
  struct MemberTheta {
    const float *weight1, *bias1, *weight2, *bias2;
  };
  double rate(const MemberTheta& theta, const std::vector<double>& member_inputs, size_t tensor, double weight_rms,
              double nominal_rms, double loss_trend) const;

 private:
  const ContextDescription& description_;
  std::vector<ContextTensor> tensors_;
  std::vector<std::vector<double>> tensor_inputs_;
};

/// The row of every tensor's role, [P|1, R, ..] -> [P|1, T, ..].
at::Tensor by_role(const at::Tensor& values, const std::vector<ContextTensor>& tensors);

}  // namespace nfopt
