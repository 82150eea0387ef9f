#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/runtime/meta/theta_layout.h>
#include <nfopt/runtime/tasks/task_family.h>

#include <cstdint>
#include <vector>

namespace nfopt {

struct InnerCurveOptions {
  uint64_t seed = 0;
  int64_t tasks = 8;  ///< drawn from the family: task i is the same for every theta
  int64_t steps = 0;  ///< 0: each task's own horizon
  int64_t first = 0;  ///< draw first, first + 1, ..: ranks share the draws of a family
};

/// Training curves of whole runs with one theta, unperturbed: meta-evaluation.
struct InnerCurves {
  std::vector<at::Tensor> loss;  ///< per task [steps] float64, bounded losses before each update
  std::vector<double> mean;      ///< per task: mean over the steps
  std::vector<double> last;      ///< per task: mean over the last tenth of the steps
  std::vector<double> bound;     ///< per task: the largest loss, TaskFamily::loss_bound
  int64_t diverged = 0;
  int64_t member_steps = 0;
};

/// Runs `tasks` draws of the family with theta [D], side by side on TBB. A pure function of its arguments; the draws
/// are independent of every particle of a Population with another seed purpose ("evaluation").
NFOPT_API InnerCurves inner_curves(const TaskFamily& family, const RuleFactory& rules, const at::Tensor& theta,
                                   const InnerCurveOptions& options);

}  // namespace nfopt
