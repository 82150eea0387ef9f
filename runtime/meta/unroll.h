#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/optimizers/named_tensors.h>

#include <cstdint>
#include <vector>

namespace nfopt {

/// What happens to a trajectory that has ended.
enum class Restart : uint8_t {
  next_step,     ///< the step after the last one does nothing but restart: masked, loss 0
  window_start,  ///< it sits out (masked, loss 0) until the first step of a window, which restarts it
  never          ///< trajectories do not end: nothing is ever done or masked
};

/// A stretch of inner steps.
struct UnrollPlan {
  int64_t steps = 0;
  Restart restart = Restart::next_step;
};

/// What K inner steps of N particles gave. `loss` is the training loss of a step *before* its update, bounded by the
/// problem.
struct Window {
  at::Tensor loss;       ///< [K, S*N] float64; the positive sign first. Carries the graph under grad mode
  at::Tensor done;       ///< [K, N] bool: the trajectory ended with this step (both signs end together)
  at::Tensor mask;       ///< [K, N] float64: 0 where a step only restarted or sat out, else 1
  int64_t diverged = 0;  ///< members whose loss or weights stopped being finite in this window
  int64_t steps = 0;     ///< member-steps that trained
};

/// N particles that train inner problems with given meta-parameters, a window at a time: what an estimator works on.
///
/// S = 2 signs: row i of theta [2N, D] is the positive trajectory of particle i, row N + i the negative one; both see
/// identical data and start from identical weights. S = 1: theta is [N, D].
/// State persists between windows. [not thread-safe; two unrolls are independent]
class NFOPT_API Unroll {
 public:
  virtual ~Unroll();

  virtual int64_t particles() const = 0;  ///< N
  virtual int64_t signs() const = 0;      ///< S

  /// K steps. With theta that requires a gradient and grad mode on, the losses are differentiable in theta (S = 1).
  virtual Window run(const at::Tensor& theta, const UnrollPlan& plan) = 0;

  /// Fresh trajectories everywhere, counters at 0. Returns the longest horizon among them, in steps.
  virtual int64_t restart() = 0;

  /// Mean loss at the present weights over `batches` fresh batches each, [S*N] float64, bounded.
  virtual at::Tensor final_losses(int64_t batches) = 0;

  /// The negative trajectories become copies of the positive ones.
  virtual void copy_positive_to_negative() = 0;

  /// What a step carries to the next in real numbers (weights, optimizer state), for backpropagation across windows.
  virtual std::vector<at::Tensor> carried() const = 0;
  virtual void set_carried(const std::vector<at::Tensor>& tensors) = 0;

  /// Everything, for a checkpoint: an unroll of the same construction continues with the same bits.
  virtual NamedTensors state() const = 0;
  virtual void load_state(const NamedTensors& state) = 0;
};

}  // namespace nfopt
