#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/losses/accuracy.h>
#include <nfopt/runtime/network/losses/cross_entropy.h>
#include <nfopt/runtime/network/trainable.h>
#include <nfopt/runtime/tasks/task.h>
#include <torch/types.h>

#include <algorithm>
#include <sstream>

namespace nfopt {
namespace {

constexpr int64_t kEvaluationBatch = 1000;
constexpr int64_t kEvaluationPredictions = 16384;  // a text predicts every position: fewer examples at a time

// Before a run begins: a network that does not fit its data says so in terms of both. Returns its outputs per prediction.
int64_t check_fit(const Task& task, int64_t classes) {
  at::NoGradGuard no_grad;
  const Examples two = task.train().first(2);
  Members probe = task.initialize(1, Rng(0));
  at::Tensor logits;
  try {
    logits = make_network(task.instance())->forward(probe, two.inputs.unsqueeze(0), Pass{});
  } catch (const Error& error) {
    throw Error("task", "architecture '" + task.instance().architecture->info().name + "' does not accept inputs of " +
                            std::to_string(two.inputs.size(1)) + " entries: " + error.what());
  }
  std::vector<int64_t> expected = two.targets.sizes().vec();
  expected.insert(expected.begin(), 1);
  expected.push_back(classes);
  if (logits.dim() == static_cast<int64_t>(expected.size()) && logits.size(-1) > classes)
    expected.back() = logits.size(-1);
  if (logits.sizes() == at::IntArrayRef(expected)) return expected.back();
  std::ostringstream text;
  text << "architecture '" << task.instance().architecture->info().name << "' gives outputs " << logits.sizes()
       << " for two examples: expected " << at::IntArrayRef(expected) << ", at least one output per class.";
  throw Error("task", text.str());
}

}  // namespace

Task::Task(Instance instance, const Dataset& data, int64_t batch_size, at::Device device, at::ScalarType dtype)
    : instance_(std::move(instance)),
      network_(make_network(instance_)),
      train_(data.train.to(device, dtype)),
      test_(data.test.to(device, dtype)),
      batch_size_(batch_size),
      classes_(data.classes),
      options_(at::TensorOptions(device).dtype(dtype)) {
  batches(Rng(0));
  outputs_ = check_fit(*this, classes_);
}

Members Task::initialize(int64_t members, const Rng& rng) const {
  Members fresh = Members::zeros(instance_.space, members, options_);
  at::NoGradGuard no_grad;
  network_->initialize(fresh, rng);
  return fresh;
}

TaskScore Task::score(Members& members, const Examples& batch, const Pass& pass) const {
  const at::Tensor logits = network_->forward(members, batch.inputs.unsqueeze(0), pass);
  const at::Tensor targets = batch.targets.unsqueeze(0);
  return {losses::cross_entropy(logits, targets), losses::accuracy(logits.detach().to(at::kDouble), targets)};
}

at::Tensor Task::member_losses(Members& members, const Examples& batches, const Pass& pass) const {
  return losses::cross_entropy(network_->forward(members, batches.inputs, pass), batches.targets);
}

TaskScore Task::evaluate(Members& members, const Examples& examples) const {
  at::NoGradGuard no_grad;
  const at::TensorOptions sums = options_.dtype(at::kDouble);
  TaskScore total{at::zeros({members.size()}, sums), at::zeros({members.size()}, sums)};
  const int64_t count = examples.size();
  const int64_t predictions = count > 0 ? examples.targets.numel() / count : 1;
  const int64_t batch = std::clamp<int64_t>(kEvaluationPredictions / predictions, 1, kEvaluationBatch);
  for (int64_t begin = 0; begin < count; begin += batch) {
    const int64_t size = std::min(batch, count - begin);
    const Examples part{examples.inputs.narrow(0, begin, size), examples.targets.narrow(0, begin, size)};
    const TaskScore mean = score(members, part, Pass{});
    const double share = static_cast<double>(size) / static_cast<double>(count);
    total.loss.add_(mean.loss.to(at::kDouble), share);
    total.accuracy.add_(mean.accuracy.to(at::kDouble), share);
  }
  return total;
}

}  // namespace nfopt
