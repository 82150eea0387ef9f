#pragma once

#include <nfopt/runtime/optimizers/learned_rule.h>
#include <nfopt/runtime/train/training_optimizer.h>

#include <vector>

namespace nfopt {

/// A learned rule on one network: p <- p - lr * u - lr * weight_decay * p.
class LearnedTrainingOptimizer final : public TrainingOptimizer {
 public:
  LearnedTrainingOptimizer(OptimizerConfig config, const Members& members, int64_t total_steps, const Rng& rng);

  void step(int64_t step, const at::Tensor& loss) override;
  /// The rule's memory and, as theta.*, its meta-parameters: a resumed run does not depend on the theta file.
  NamedTensors state() const override;
  void load_state(const NamedTensors& state) override;
  std::string summary() const override;

 private:
  OptimizerConfig config_;
  NamedTensors parameters_;
  int64_t total_steps_;
  std::unique_ptr<UpdateRule> rule_;
  NamedTensors theta_;
  RuleState state_;
};

}  // namespace nfopt
