#pragma once

#include <nfopt/runtime/train/training_optimizer.h>

namespace torch::optim {
class Optimizer;
}

namespace nfopt {

/// sgd, sgdm, adam and adamw: LibTorch's own, their state by parameter name.
class TorchOptimizer final : public TrainingOptimizer {
 public:
  TorchOptimizer(OptimizerConfig config, NamedTensors parameters, int64_t total_steps);
  ~TorchOptimizer() override;

  void step(int64_t step, const at::Tensor& loss) override;
  NamedTensors state() const override;
  void load_state(const NamedTensors& state) override;
  std::string summary() const override;

 private:
  OptimizerConfig config_;
  NamedTensors parameters_;
  int64_t total_steps_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
};

}  // namespace nfopt
