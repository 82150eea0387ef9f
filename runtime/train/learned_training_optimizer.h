#pragma once

#include <nfopt/runtime/optimizers/learned_optimizer.h>
#include <nfopt/runtime/train/training_optimizer.h>

#include <memory>

namespace nfopt {

/// A learned rule on one network, through the adapter that users put into loops of their own.
class LearnedTrainingOptimizer final : public TrainingOptimizer {
 public:
  LearnedTrainingOptimizer(OptimizerConfig config, const Members& members, int64_t total_steps, const Rng& rng);

  void step(int64_t step, const at::Tensor& loss) override;
  /// Includes theta: a resumed run does not depend on the file it came from.
  NamedTensors state() const override;
  void load_state(const NamedTensors& state) override;
  std::string summary() const override;

 private:
  OptimizerConfig config_;
  int64_t total_steps_;
  NamedTensors parameters_;  ///< [1, shape...], where `backward` leaves the gradients
  NamedParameters views_;    ///< [shape...] of the same storage: the adapter knows no members
  std::unique_ptr<LearnedOptimizer> optimizer_;
};

}  // namespace nfopt
