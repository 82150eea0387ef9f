#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/meta/inner_curves.h>
#include <nfopt/runtime/meta/network_unroll.h>
#include <nfopt/runtime/meta/side_by_side.h>
#include <torch/types.h>

#include <algorithm>

namespace nfopt {

InnerCurves inner_curves(const TaskFamily& family, const RuleFactory& rules, const at::Tensor& theta,
                         const InnerCurveOptions& options) {
  if (options.tasks < 1 || options.steps < 0)
    throw Error("meta", "curves need at least one task and no negative number of steps.");
  const std::shared_ptr<const TaskFamily> shared(&family, [](const TaskFamily*) {});
  const ThetaLayout layout(*rules(family.task(Rng(0))->space()));
  const at::Tensor row = theta.detach().to(at::kDouble).reshape({1, -1});

  InnerCurves curves;
  curves.loss.resize(options.tasks);
  curves.mean.resize(options.tasks);
  curves.last.resize(options.tasks);
  curves.bound.resize(options.tasks);
  std::vector<int64_t> diverged(options.tasks), steps(options.tasks);
  const auto run_task = [&](size_t i) {
    const at::NoGradGuard no_grad;
    NetworkUnrollOptions one;
    one.rng = Rng(options.seed).purpose("evaluation");
    one.first_particle = options.first + i;
    one.signs = 1;
    NetworkUnroll unroll(shared, rules, layout, one);
    const int64_t horizon = options.steps > 0 ? options.steps : unroll.variation(0).horizon;
    const Window window = unroll.run(row, {horizon, Restart::never});
    curves.loss[i] = window.loss.squeeze(1);
    curves.bound[i] = TaskFamily::loss_bound(unroll.task());
    const double* loss = curves.loss[i].const_data_ptr<double>();
    const int64_t tail = std::max<int64_t>(1, horizon / 10);
    for (int64_t t = 0; t < horizon; ++t) {
      curves.mean[i] += loss[t] / static_cast<double>(horizon);
      if (t >= horizon - tail) curves.last[i] += loss[t] / static_cast<double>(tail);
    }
    diverged[i] = window.diverged;
    steps[i] = window.steps;
  };
  side_by_side(static_cast<size_t>(options.tasks), run_task);
  for (int64_t i = 0; i < options.tasks; ++i) {
    curves.diverged += diverged[i];
    curves.member_steps += steps[i];
  }
  return curves;
}

}  // namespace nfopt
