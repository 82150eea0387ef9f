#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/network/members.h>
#include <nfopt/runtime/optimizers/named_tensors.h>
#include <nfopt/runtime/train/optimizer_config.h>

#include <cstdint>
#include <memory>
#include <string>

namespace nfopt {

/// What moves the parameters of a run: LibTorch's own optimizers and learned rules behind one face, with a state that
/// goes into a checkpoint and comes back bit for bit.
class NFOPT_API TrainingOptimizer {
 public:
  virtual ~TrainingOptimizer();

  /// One step from the gradients that `backward` left. `step` counts from 0, `loss` [1] is that of this batch.
  virtual void step(int64_t step, const at::Tensor& loss) = 0;

  /// Everything the next step reads beside parameters and gradients.
  virtual NamedTensors state() const = 0;
  /// Throws Error for names or shapes that do not fit.
  virtual void load_state(const NamedTensors& state) = 0;

  /// One line: "adam  lr 0.001  betas 0.9 0.999", "unf  3,783 meta-parameters, as published".
  virtual std::string summary() const = 0;
};

/// The optimizer of a config for the parameters of `members` (one network, leaves that require gradients). `rng` draws
/// initial meta-parameters where no file gives them; `total_steps` is the horizon of schedules and of
/// rules that see it.
/// Throws Error for a theta file that is missing, corrupt, or made for another rule or network.
NFOPT_API std::unique_ptr<TrainingOptimizer> make_training_optimizer(const OptimizerConfig& config,
                                                                     const Members& members, int64_t total_steps,
                                                                     const Rng& rng);

/// The parameters of one network by name, without the buffers, in the order of the space.
NFOPT_API NamedTensors parameters_of(const Members& members);

}  // namespace nfopt
