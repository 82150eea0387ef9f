#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/tasks/batches.h>

#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

#include <string>

namespace nfopt {

Batches::Batches(int64_t examples, int64_t batch_size, const Rng& rng)
    : examples_(examples), batch_size_(batch_size), per_epoch_(0), rng_(rng) {
  if (batch_size < 1 || examples < batch_size)
    throw Error("data", "a batch of " + std::to_string(batch_size) + " cannot be drawn from " +
                            std::to_string(examples) + " training examples.");
  per_epoch_ = examples / batch_size;
}

std::vector<int64_t> Batches::indices(int64_t step) {
  if (epoch(step) != kept_epoch_) {
    kept_epoch_ = epoch(step);
    permutation_ = rng_.index(static_cast<uint64_t>(kept_epoch_)).permutation(examples_);
  }
  const auto begin = permutation_.begin() + (step % per_epoch_) * batch_size_;
  return {begin, begin + batch_size_};
}

Examples Batches::batch(const Examples& from, int64_t step) {
  const at::Tensor rows = at::tensor(indices(step), at::kLong).to(from.targets.device());
  return {from.inputs.index_select(0, rows), from.targets.index_select(0, rows)};
}

}  // namespace nfopt
