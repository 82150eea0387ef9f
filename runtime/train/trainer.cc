#include <nfopt/runtime/plugin/registry.h>
#include <nfopt/runtime/train/finite_check.h>
#include <nfopt/runtime/train/trainer.h>
#include <torch/cuda.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace nfopt {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

at::ScalarType dtype_of(const TrainConfig& config) { return config.dtype == "float64" ? at::kDouble : at::kFloat; }

at::Device device_of(const TrainConfig& config) {
  if (config.device == "cpu") return at::kCPU;
  if (!torch::cuda::is_available())
    throw Error(
        "device",
        "'cuda' is not available: no GPU was found, or this LibTorch was built without CUDA. Use --device cpu.");
  return at::Device(at::kCUDA, 0);
}

Instance architecture_of(const TrainConfig& config) {
  for (const std::string& folder : config.plugins) Registry::global().add_directory(folder);
  return instantiate(Registry::global().find(config.architecture), config.architecture_options);
}

Task make_task(const TrainConfig& config, Instance instance, Dataset data) {
  if (config.train_examples > 0) data.train = data.train.first(config.train_examples);
  if (config.test_examples > 0) data.test = data.test.first(config.test_examples);
  return Task(std::move(instance), data, config.batch_size, device_of(config), dtype_of(config));
}

// Device and architecture come first: loading the data may take seconds.
Task load_task(const TrainConfig& config) {
  device_of(config);
  Instance instance = architecture_of(config);
  return make_task(config, std::move(instance), load_data(config));
}

NamedTensors with_gradients(NamedTensors parameters) {
  for (auto& [name, tensor] : parameters) tensor.set_requires_grad(true);
  return parameters;
}

std::vector<at::Tensor> copies(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> out;
  for (const at::Tensor& tensor : tensors) out.push_back(tensor.detach().clone());
  return out;
}

NamedTensors copies(const NamedTensors& tensors) {
  NamedTensors out;
  for (const auto& [name, tensor] : tensors) out.add(name, tensor.clone());
  return out;
}

void put_back(std::vector<at::Tensor>& tensors, const std::vector<at::Tensor>& before) {
  at::NoGradGuard no_grad;
  for (size_t i = 0; i < tensors.size(); ++i) tensors[i].copy_(before[i]);
}

Flow stronger(Flow a, Flow b) { return std::max(a, b); }

}  // namespace

const std::vector<std::string>& metrics_columns() {
  static const std::vector<std::string> columns = {"train_loss", "train_accuracy", "test_loss", "test_accuracy"};
  return columns;
}

Dataset load_data(const TrainConfig& config) { return load_dataset(config.data, dtype_of(config)); }

Trainer::Trainer(TrainConfig config)
    : config_(std::move(config)),
      rng_(static_cast<uint64_t>(config_.seed)),
      task_(load_task(config_)),
      batches_(task_.batches(rng_.purpose("shuffle"))),
      members_(task_.initialize(1, rng_.purpose("init"))),
      parameters_(with_gradients(parameters_of(members_))),
      optimizer_(make_training_optimizer(config_.optimizer, members_, config_.steps, rng_.purpose("theta"))) {}

Trainer::Trainer(TrainConfig config, const Dataset& data)
    : config_(std::move(config)),
      rng_(static_cast<uint64_t>(config_.seed)),
      task_(make_task(config_, architecture_of(config_), data)),
      batches_(task_.batches(rng_.purpose("shuffle"))),
      members_(task_.initialize(1, rng_.purpose("init"))),
      parameters_(with_gradients(parameters_of(members_))),
      optimizer_(make_training_optimizer(config_.optimizer, members_, config_.steps, rng_.purpose("theta"))) {}

TrainResult Trainer::run(const Callbacks& callbacks) {
  callbacks_ = &callbacks;
  begin_ = Clock::now();
  first_step_ = step_;
  step_seconds_ = 0;
  recorded_ = false;
  TrainResult result;
  result.first_step = step_;
  result.optimizer = optimizer_->summary();
  result.parameters = parameters_.numel();

  if (rows_.empty() && step_ == 0) record();
  Flow flow = Flow::kContinue;
  for (const auto& callback : callbacks) flow = stronger(flow, callback->on_begin(*this));
  while (step_ < config_.steps && flow == Flow::kContinue) {
    advance();
    recorded_ = false;
    if (due(config_.log_every) || due(config_.evaluate_every)) record();
    for (const auto& callback : callbacks) flow = stronger(flow, callback->on_step(*this));
  }

  result.finished = step_ == config_.steps || flow == Flow::kFinish;
  result.step = step_;
  result.train_loss = mean_loss_of_the_end();
  const int64_t steps = step_ - first_step_;
  result.milliseconds_per_step = steps > 0 ? 1e3 * step_seconds_ / static_cast<double>(steps) : kMissing;
  result.seconds = seconds();
  for (const auto& callback : callbacks) callback->on_end(*this, result);
  callbacks_ = nullptr;
  return result;
}

void Trainer::advance() {
  const Clock::time_point begin = Clock::now();
  for (auto& [name, parameter] : parameters_) parameter.mutable_grad().reset();
  const Pass pass{.training = true, .rng = rng_.purpose("forward").index(static_cast<uint64_t>(step_))};
  // A forward pass in training writes buffers (running statistics), so a step that is left out takes these back, too.
  const bool skips = config_.on_non_finite == OnNonFinite::skip;
  const std::vector<at::Tensor> before = skips ? copies(members_.tensors()) : std::vector<at::Tensor>();
  const NamedTensors state_before = skips ? copies(optimizer_->state()) : NamedTensors();

  const TaskScore score = task_.score(members_, batches_.batch(task_.train(), step_), pass);
  score.loss.sum().backward();
  const int64_t number = step_ + 1;

  // On a GPU the answer would cost a wait in every step: there the rows of the metrics are checked instead.
  const bool check = members_.tensors().front().is_cpu() || skips;
  if (check && contained(number, describe_non_finite(score.loss, parameters_))) {
    put_back(members_.tensors(), before);
  } else {
    window_.add(score.loss, score.accuracy);
    optimizer_->step(step_, score.loss);
    if (check && contained(number, describe_non_finite_parameters(parameters_))) {
      put_back(members_.tensors(), before);
      optimizer_->load_state(state_before);
    }
  }
  step_ = number;
  step_seconds_ += seconds_since(begin);
}

// Whether a step with this problem is to be left out; throws when the run is to end.
bool Trainer::contained(int64_t number, const std::string& problem) {
  if (problem.empty()) return false;
  const std::string where = "step " + std::to_string(number) + ": " + problem;
  if (config_.on_non_finite == OnNonFinite::stop) throw Diverged(number, where + " The run ends here.");
  notice("[train] " + where + " The step is left out.");
  return true;
}

// One row: what was trained since the last one and, when due, how the network does on the test examples.
void Trainer::record() {
  MetricsRow row{step_, {window_.loss(), window_.accuracy(), kMissing, kMissing}};
  if (!window_.empty() && !std::isfinite(row.values[0]) && config_.on_non_finite == OnNonFinite::stop)
    contained(step_, "the training loss is " + std::to_string(row.values[0]) + ".");
  window_.clear();
  if (due(config_.evaluate_every)) {
    const TaskScore test = task_.evaluate(members_, task_.test());
    row.values[2] = test.loss.item<double>();
    row.values[3] = test.accuracy.item<double>();
  }
  rows_.push_back(std::move(row));
  recorded_ = true;
}

Checkpoint Trainer::checkpoint() const {
  Checkpoint checkpoint;
  checkpoint.step = step_;
  checkpoint.config = to_yaml(to_yaml_value(config_));
  const std::vector<Tensor>& described = task_.space()->tensors();
  for (size_t i = 0; i < described.size(); ++i)
    checkpoint.tensors.add("network." + described[i].name, members_.tensors()[i]);
  checkpoint.add_group("optimizer", optimizer_->state());
  checkpoint.add_group("window", window_.state());
  return checkpoint;
}

void Trainer::restore(const Checkpoint& checkpoint, std::vector<MetricsRow> rows) {
  at::NoGradGuard no_grad;
  step_ = checkpoint.step;
  const std::vector<Tensor>& described = task_.space()->tensors();
  for (size_t i = 0; i < described.size(); ++i) {
    const at::Tensor& stored = checkpoint.tensors.at("network." + described[i].name);
    if (stored.sizes() != members_.tensors()[i].sizes())
      throw Error("checkpoint", "'" + described[i].name + "' of the checkpoint has another shape than the network's.");
    members_.tensors()[i].copy_(stored);
  }
  optimizer_->load_state(checkpoint.group("optimizer"));
  window_.load_state(checkpoint.group("window"), members_.tensors().front().device());
  rows_ = std::move(rows);
}

double Trainer::last_of(size_t column) const {
  for (auto row = rows_.rbegin(); row != rows_.rend(); ++row)
    if (!std::isnan(row->values[column])) return row->values[column];
  return kMissing;
}

double Trainer::train_loss() const { return last_of(0); }
double Trainer::test_accuracy() const { return last_of(3); }
double Trainer::seconds() const { return seconds_since(begin_); }

double Trainer::mean_loss_of_the_end() const {
  const int64_t begin = step_ - std::max<int64_t>(200, config_.steps / 10);
  double sum = 0, weight = 0, before = 0;
  for (const MetricsRow& row : rows_) {
    if (std::isnan(row.values[0])) continue;
    const auto step = static_cast<double>(row.step);
    if (row.step > begin) {
      sum += (step - before) * row.values[0];
      weight += step - before;
    }
    before = step;
  }
  return weight > 0 ? sum / weight : kMissing;
}

void Trainer::notice(const std::string& text) const {
  if (callbacks_ == nullptr) return;
  for (const auto& callback : *callbacks_) callback->on_notice(text);
}

}  // namespace nfopt
