#pragma once

#include <nfopt/runtime/network/members.h>
#include <nfopt/runtime/network/network.h>
#include <nfopt/runtime/tasks/task.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace nfopt {

/// Loss and gradient of every member of a population of antithetic particles.
///
/// Members [S*N]: the positive sign of all N particles first. Batches [N, B, ..]: both signs of a particle read the
/// same memory. One object serves one population on one thread; its buffers are reused.
class NFOPT_API TaskGradient {
 public:
  virtual ~TaskGradient();

  /// Writes loss [S*N] and one gradient [S*N, shape...] per parameter, in the order of the space. Buffers of the
  /// network are updated as in training. The results stay valid until the next call.
  virtual void operator()(Members& members, const Examples& batches, const Pass& pass) = 0;
  const at::Tensor& loss() const { return loss_; }
  const std::vector<at::Tensor>& gradients() const { return gradients_; }

 protected:
  at::Tensor loss_;
  std::vector<at::Tensor> gradients_;
};

/// By autograd through the network's forward, one call per sign: any architecture.
NFOPT_API std::unique_ptr<TaskGradient> make_autograd_gradient(std::shared_ptr<const Task> task, int64_t particles,
                                                               int64_t signs);
/// By hand for the architecture `mlp` with relu, tanh or identity (mlp_gradient.cc); null for other tasks.
NFOPT_API std::unique_ptr<TaskGradient> make_mlp_gradient(const Task& task, int64_t particles, int64_t signs);
/// The fastest that the task allows.
NFOPT_API std::unique_ptr<TaskGradient> make_task_gradient(std::shared_ptr<const Task> task, int64_t particles,
                                                           int64_t signs);

}  // namespace nfopt
