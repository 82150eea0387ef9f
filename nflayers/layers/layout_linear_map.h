#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/kernels/aten/block_map.h>
#include <nfopt/nflayers/kernels/aten/coefficient_map.h>
#include <nfopt/nflayers/kernels/aten/executor.h>
#include <nfopt/nflayers/plan/block_layout.h>
#include <nfopt/nflayers/plan/coefficients.h>
#include <nfopt/nflayers/plan/plan.h>
#include <nfopt/nflayers/spec/export.h>

#include <memory>
#include <variant>
#include <vector>

namespace nfopt {

class BlockLinear;

/// A linear layer over a weight space, given by what it stores: a plan and a coefficient layout, nothing else. A pure
/// function of its parameters.
///
///   y = L(layout(parameters)) x
///
/// Shapes   parameters [P|1, shape...] in the layout's order    x [P, B, C_in, shape...] -> [P, B, C_out, shape...]
/// Group    commutes with the layer group of the plan's space and fold, whatever the layout.
/// Errors   Error("layer", ..) lists every parameter and every tensor whose shape, dtype or device does not fit.
/// Cost     docs/engine.md.
/// [any-thread] immutable.
class NFOPT_API LayoutLinearMap {
 public:
  LayoutLinearMap(std::shared_ptr<const Plan> plan, int64_t in_channels, int64_t out_channels,
                  const CoefficientLayout& layout);
  LayoutLinearMap(std::shared_ptr<const Plan> plan, int64_t in_channels, int64_t out_channels,
                  const BlockLayout& layout);

  /// Names and shapes without P.
  const std::vector<StoredParameter>& parameters() const { return parameters_; }
  const std::shared_ptr<const Plan>& plan() const { return plan_; }
  int64_t in_channels() const { return in_channels_; }
  int64_t out_channels() const { return out_channels_; }

  /// Parameters as the engine reads them. Differentiable. Within an unroll the parameters stay the same: do this once
  /// and apply the result many times.
  Coefficients coefficients(const std::vector<at::Tensor>& parameters) const;

  std::vector<at::Tensor> operator()(const Coefficients& m, const std::vector<at::Tensor>& x) const;
  std::vector<at::Tensor> operator()(const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& x) const;

 private:
  std::shared_ptr<const Plan> plan_;
  int64_t in_channels_;
  int64_t out_channels_;
  std::vector<StoredParameter> parameters_;
  std::variant<CoefficientMap, BlockMap> map_;
  std::shared_ptr<const BlockLinear> in_place_;  // where parameters are multiplied as they lie; may be null
};

}  // namespace nfopt
