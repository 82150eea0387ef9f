#include <nfopt/runtime/tasks/particle_batches.h>
#include <torch/types.h>

#include <algorithm>
#include <cstring>

namespace nfopt {
namespace {

at::Tensor rows_for(const at::Tensor& examples, int64_t particles, int64_t batch) {
  std::vector<int64_t> shape = {particles, batch};
  shape.insert(shape.end(), examples.sizes().begin() + 1, examples.sizes().end());
  return at::empty(shape, examples.options());
}

constexpr size_t kLineBytes = 64;
constexpr size_t kPrefetchBytes = 512;  // what follows is fetched by the processor on its own

size_t row_bytes(const at::Tensor& examples) {
  return static_cast<size_t>(examples.numel() / examples.size(0)) * examples.element_size();
}

}  // namespace

ParticleBatches::ParticleBatches(const Task& task, int64_t particles)
    : from_{task.train().inputs.contiguous(), task.train().targets.contiguous()},
      batches_{rows_for(from_.inputs, particles, task.batch_size()),
               rows_for(from_.targets, particles, task.batch_size())},
      classes_(task.classes()) {}

void ParticleBatches::draw(int64_t particle, const Rng& rng, const TaskVariation& variation, const Rng& noise) {
  const int64_t batch = batches_.targets.size(1), examples = from_.size();
  const size_t input_bytes = row_bytes(from_.inputs);
  const int64_t labels_per_row = from_.targets.numel() / examples;
  const auto* inputs = static_cast<const char*>(from_.inputs.const_data_ptr());
  const int64_t* targets = from_.targets.const_data_ptr<int64_t>();
  auto* input =
      static_cast<char*>(batches_.inputs.mutable_data_ptr()) + static_cast<size_t>(particle * batch) * input_bytes;
  int64_t* target = batches_.targets.mutable_data_ptr<int64_t>() + particle * batch * labels_per_row;

  // The examples lie anywhere in a set that no cache holds: all are asked for before the first is read.
  rows_.resize(static_cast<size_t>(batch));
  for (int64_t j = 0; j < batch; ++j) {
    rows_[j] = rng.integer(static_cast<uint64_t>(j), examples);
    const char* row = inputs + static_cast<size_t>(rows_[j]) * input_bytes;
    for (size_t byte = 0; byte < std::min(input_bytes, kPrefetchBytes); byte += kLineBytes)
      __builtin_prefetch(row + byte);
    __builtin_prefetch(targets + rows_[j] * labels_per_row);
  }
  for (int64_t j = 0; j < batch; ++j) {
    const int64_t example = rows_[j];
    std::memcpy(input, inputs + static_cast<size_t>(example) * input_bytes, input_bytes);
    input += input_bytes;
    for (int64_t k = 0; k < labels_per_row; ++k) {
      const int64_t place = example * labels_per_row + k;
      int64_t label = targets[place];
      if (!variation.labels.empty()) label = variation.labels[label];
      if (variation.label_noise > 0 && noise.uniform(static_cast<uint64_t>(place)) < variation.label_noise)
        label = noise.purpose("label").integer(static_cast<uint64_t>(place), classes_);
      *target++ = label;
    }
  }
}

}  // namespace nfopt
