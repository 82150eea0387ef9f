#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/runtime/optimizers/update_rule.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace nfopt {

/// The rule of a weight space: how meta-training steps tasks of any shape. [any-thread]
using RuleFactory = std::function<std::shared_ptr<const UpdateRule>(const WeightSpacePtr&)>;

/// Meta-parameters by name as one flat vector [D] and back, in the order of UpdateRule::theta_shapes().
///
/// Perturbations, accumulators and the outer optimizer live on the vector, in float64.
class NFOPT_API ThetaLayout {
 public:
  explicit ThetaLayout(const UpdateRule& rule);

  int64_t size() const { return size_; }  ///< D
  const std::vector<std::pair<std::string, std::vector<int64_t>>>& shapes() const { return shapes_; }

  /// theta [1, ...] by name -> [D] float64. Throws Error that lists what is missing, unexpected or of another shape.
  at::Tensor flatten(const NamedTensors& theta) const;
  /// [D] or [M, D] -> [1|M, ...] by name, in `dtype`, each tensor contiguous unless the graph is recorded.
  NamedTensors unflatten(const at::Tensor& flat, at::ScalarType dtype) const;

  /// Throws Error("meta", ..) when `rule` has other meta-parameters: one theta must serve every task.
  void check(const UpdateRule& rule) const;

 private:
  std::string rule_;
  std::vector<std::pair<std::string, std::vector<int64_t>>> shapes_;
  int64_t size_ = 0;
};

/// Perturbations of `count` particles beginning with global index `first`, [count, size] float64:
///
///   eps[i, j] = sigma * normal(seed, "perturbation", outer_step, first + i; j)
NFOPT_API at::Tensor perturbations(const Rng& seed, int64_t outer_step, int64_t first, int64_t count, int64_t size,
                                   double sigma);

}  // namespace nfopt
