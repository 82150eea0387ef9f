#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/runtime/meta/communicator.h>
#include <nfopt/runtime/meta/theta_layout.h>
#include <nfopt/runtime/tasks/task_family.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace nfopt {

/// How well one theta trains the held-out tasks. Losses are divided by ln(outputs): a uniform guess has 1.
struct NFOPT_API MetaEvaluation {
  static constexpr int64_t kPoints = 200;

  /// Per family: the training curve, averaged over its tasks, at kPoints shares of the horizon; then its mean over the
  /// steps, its mean over the last tenth, and its mean with TaskFamily::loss_weight. [F, kPoints + 3] float64.
  at::Tensor values;

  bool done() const { return values.defined(); }
  std::vector<double> curve(int64_t family) const;
  double mean(int64_t family) const;
  double last(int64_t family) const;
  double mean() const;  ///< over families
  double last() const;
  double score() const;  ///< weighted: what theta-best is chosen by. The mean where loss_exponent is 0
};

/// Trains fixed held-out tasks with unperturbed theta: the same draws in every call.
class NFOPT_API MetaEvaluator {
 public:
  struct Options {
    uint64_t seed = 0;
    int64_t tasks = 8;  ///< per family
    int64_t steps = 0;  ///< 0: each task's horizon
  };
  MetaEvaluator(std::vector<std::shared_ptr<const TaskFamily>> families, RuleFactory rules, const Options& options);

  /// The ranks share the tasks; all get the same result, whatever their number. `inner_steps` grows by the training
  /// steps taken.
  MetaEvaluation evaluate(const at::Tensor& theta, Communicator& communicator, int64_t& inner_steps) const;

 private:
  std::vector<std::shared_ptr<const TaskFamily>> families_;
  RuleFactory rules_;
  Options options_;
};

}  // namespace nfopt
