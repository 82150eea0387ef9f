#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/train/learned_training_optimizer.h>
#include <nfopt/runtime/train/torch_optimizer.h>
#include <nfopt/runtime/train/training_optimizer.h>

namespace nfopt {

TrainingOptimizer::~TrainingOptimizer() = default;

NamedTensors parameters_of(const Members& members) {
  NamedTensors parameters;
  const std::vector<Tensor>& described = members.space()->tensors();
  for (size_t i = 0; i < described.size(); ++i)
    if (described[i].kind == Kind::parameter) parameters.add(described[i].name, members.tensors()[i]);
  return parameters;
}

std::unique_ptr<TrainingOptimizer> make_training_optimizer(const OptimizerConfig& config, const Members& members,
                                                           int64_t total_steps, const Rng& rng) {
  if (config.learned()) return std::make_unique<LearnedTrainingOptimizer>(config, members, total_steps, rng);
  return std::make_unique<TorchOptimizer>(config, parameters_of(members), total_steps);
}

}  // namespace nfopt
