#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/weight_space.h>
#include <nfopt/runtime/optimizers/factored_axes.h>
#include <nfopt/runtime/optimizers/named_tensors.h>
#include <nfopt/runtime/optimizers/parameter_layout.h>
#include <nfopt/runtime/optimizers/rule_description.h>

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace nfopt {

/// Adafactor's second moments: per parameter and decay c the means of G = g^2 + eps over its longest axis (`row`) and
/// over the second longest (`col`), one number per entry (`row` alone) where a parameter is not factored.
///
///   row <- c row + (1-c) mean_d0 G      R = safe(row / (mean_d1 row + mean_epsilon))      safe(x) = max(x, floor)^(-1/2)
///   col <- c col + (1-c) mean_d1 G      C = safe(col)
///   not factored:  row <- c row + (1-c) G,  col = row
///
/// State    `factored_rows` [P, K, sum of row sizes], `factored_columns` [P, K, ..], parameters end to end
/// Source   learned_optimization, learned_optimizers/common.py; Shazeer and Stern, arXiv:1804.04235
class FactoredMoments {
 public:
  FactoredMoments(const AdafactorDescription& description, const WeightSpace& space,
                  std::shared_ptr<const ParameterLayout> layout);

  void add_state(NamedTensors& state, int64_t members, const at::TensorOptions& options) const;
  /// After gradient g [P, N]; one_minus_decay [P|1, K, 1] in (0, 1].
  void advance(const NamedTensors& old, const at::Tensor& g, const at::Tensor& one_minus_decay,
               NamedTensors& state) const;

  /// What every element sees of them, [P, K, N] each.
  struct Seen {
    at::Tensor rows, columns;
    at::Tensor gradient_scale;  ///< R C; not factored: safe(row + mean_epsilon)
    at::Tensor momentum_scale;  ///< R C; not factored: (row + rms_epsilon)^(-1/2)
  };
  Seen seen(const NamedTensors& state) const;

  /// Entries of each parameter along the last axis of a state tensor; empty for a name that is not of these.
  const std::vector<int64_t>& numels(std::string_view name) const;

 private:
  AdafactorDescription description_;
  std::shared_ptr<const ParameterLayout> layout_;
  std::vector<std::optional<FactoredAxes>> axes_;
  std::vector<int64_t> rows_, columns_;
};

}  // namespace nfopt
