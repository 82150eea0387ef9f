#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/network/members.h>
#include <nfopt/runtime/network/network.h>
#include <nfopt/runtime/plugin/instance.h>
#include <nfopt/runtime/tasks/batches.h>
#include <nfopt/runtime/tasks/dataset.h>

#include <cstdint>
#include <memory>

namespace nfopt {

/// Loss and share of correct predictions of each member, [P].
struct TaskScore {
  at::Tensor loss;
  at::Tensor accuracy;
};

/// Task = architecture + data set + loss + batch size: what an optimizer is trained, tested and compared on.
///
/// P networks at once, all on the same batch; P = 1 is ordinary training. Cross entropy over the classes of the data,
/// averaged over examples and, for texts, positions.
class NFOPT_API Task {
 public:
  /// Data go to `device` in `dtype` here, once. Throws Error when the network does not accept the data's inputs, does
  /// not give an output per class (and position), or the data hold fewer examples than a batch.
  Task(Instance instance, const Dataset& data, int64_t batch_size, at::Device device, at::ScalarType dtype);

  const Instance& instance() const { return instance_; }
  const WeightSpacePtr& space() const { return instance_.space; }
  const Examples& train() const { return train_; }
  const Examples& test() const { return test_; }
  int64_t batch_size() const { return batch_size_; }
  int64_t classes() const { return classes_; }
  /// Of the network, per prediction: the classes, and more where it has some that never occur.
  int64_t outputs() const { return outputs_; }
  /// The order of the training examples under a run's generator.
  Batches batches(const Rng& rng) const { return Batches(train_.size(), batch_size_, rng); }

  /// Freshly initialised networks on the task's device.
  Members initialize(int64_t members, const Rng& rng) const;
  /// The members' scores on one batch; differentiable under grad mode.
  TaskScore score(Members& members, const Examples& batch, const Pass& pass) const;
  /// The losses alone, [P], of members that each see examples of their own: inputs [P, B, ..], targets [P, B..].
  at::Tensor member_losses(Members& members, const Examples& batches, const Pass& pass) const;
  /// The mean over all of `examples`, [P] float64, without gradients. Summed in a fixed order.
  TaskScore evaluate(Members& members, const Examples& examples) const;

 private:
  Instance instance_;
  std::unique_ptr<Network> network_;
  Examples train_;
  Examples test_;
  int64_t batch_size_;
  int64_t classes_;
  int64_t outputs_ = 0;
  at::TensorOptions options_;
};

}  // namespace nfopt
