#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/plugin/registry.h>
#include <nfopt/runtime/tasks/task.h>
#include <nfopt/runtime/train/finite_check.h>
#include <nfopt/runtime/train/interruption.h>
#include <nfopt/runtime/train/trainer.h>
#include <nfopt/runtime/train/training_optimizer.h>
#include <torch/torch.h>

#include <chrono>
#include <cmath>

namespace nfopt {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

at::Device device_of(const TrainConfig& config) {
  if (config.device == "cpu") return at::kCPU;
  if (!torch::cuda::is_available())
    throw Error(
        "device",
        "'cuda' is not available: no GPU was found, or this LibTorch was built without CUDA. Use --device cpu.");
  return at::Device(at::kCUDA, 0);
}

Task make_task(const TrainConfig& config) {
  const at::Device device = device_of(config);
  for (const std::string& folder : config.plugins) Registry::global().add_directory(folder);
  Instance instance = instantiate(Registry::global().find(config.architecture), config.architecture_options);
  const at::ScalarType dtype = config.dtype == "float64" ? at::kDouble : at::kFloat;
  Dataset data = load_dataset(config.data, dtype);
  if (config.train_examples > 0) data.train = data.train.first(config.train_examples);
  if (config.test_examples > 0) data.test = data.test.first(config.test_examples);
  return Task(std::move(instance), data, config.batch_size, device, dtype);
}

// The mean of the losses since the last row of the metrics. They stay tensors until then: reading one waits for the
// device.
class Window {
 public:
  void add(const at::Tensor& loss, const at::Tensor& accuracy) {
    losses_.push_back(loss.detach().view({1}));
    accuracies_.push_back(accuracy.detach().view({1}));
  }
  bool empty() const { return losses_.empty(); }
  double loss() const { return mean(losses_); }
  double accuracy() const { return mean(accuracies_); }
  void clear() {
    losses_.clear();
    accuracies_.clear();
  }

  NamedTensors state() const {
    NamedTensors state;
    if (!empty()) {
      state.add("losses", at::cat(losses_));
      state.add("accuracies", at::cat(accuracies_));
    }
    return state;
  }
  void load_state(const NamedTensors& state, at::Device device) {
    clear();
    if (state.find("losses") == nullptr) return;
    losses_ = state.at("losses").to(device).split(1);
    accuracies_ = state.at("accuracies").to(device).split(1);
  }

 private:
  static double mean(const std::vector<at::Tensor>& values) {
    if (values.empty()) return kMissing;
    const at::Tensor all = at::cat(values).to(at::kCPU, at::kDouble);
    double sum = 0;
    for (int64_t i = 0; i < all.numel(); ++i) sum += all.const_data_ptr<double>()[i];
    return sum / static_cast<double>(all.numel());
  }

  std::vector<at::Tensor> losses_;
  std::vector<at::Tensor> accuracies_;
};

NamedTensors with_gradients(NamedTensors parameters) {
  for (auto& [name, tensor] : parameters) tensor.set_requires_grad(true);
  return parameters;
}

class Run {
 public:
  // The folder comes last: what does not fit together leaves no trace on the disk.
  Run(const TrainConfig& config, const std::filesystem::path& path, RunFolder::Mode mode,
      const TrainCallbacks& callbacks)
      : config_(config),
        callbacks_(callbacks),
        rng_(static_cast<uint64_t>(config.seed)),
        task_(make_task(config)),
        batches_(task_.batches(rng_.purpose("shuffle"))),
        members_(task_.initialize(1, rng_.purpose("init"))),
        parameters_(with_gradients(parameters_of(members_))),
        optimizer_(make_training_optimizer(config.optimizer, members_, config.steps, rng_.purpose("theta"))),
        folder_(path, config, mode) {
    for (const std::string& text : folder_.notices()) notice(text);
    if (folder_.start()) load(*folder_.start());
    metrics_ = std::make_unique<MetricsLog>(folder_.path(), metrics_columns(), folder_.start() ? step_ : -1);
  }

  TrainResult run() {
    TrainResult result;
    result.first_step = step_;
    result.optimizer = optimizer_->summary();
    result.parameters = parameters_.numel();
    const Clock::time_point begin = Clock::now();
    if (callbacks_.on_begin) callbacks_.on_begin(report());
    if (metrics_->rows().empty() && step_ == 0) record();

    bool go_on = true;
    int64_t saved = folder_.start() ? step_ : -1;
    while (step_ < config_.steps && go_on) {
      const Clock::time_point step_begin = Clock::now();
      train_step();
      stepping_ += seconds_since(step_begin);
      if (due(config_.log_every) || due(config_.evaluate_every)) record();
      if (due(config_.checkpoint_every)) saved = save();
      if (callbacks_.on_step && callbacks_.on_step(report()) == Flow::kStop) go_on = false;
      if (Interruption::signal() != 0) go_on = false;
    }
    if (saved != step_) save();

    result.finished = step_ == config_.steps;
    result.step = step_;
    finish(result);
    result.seconds = seconds_since(begin);
    const int64_t steps = step_ - result.first_step;
    result.milliseconds_per_step = steps > 0 ? 1e3 * stepping_ / static_cast<double>(steps) : kMissing;
    if (callbacks_.on_end) callbacks_.on_end(report());
    return result;
  }

 private:
  bool due(int64_t every) const { return step_ % every == 0 || step_ == config_.steps; }

  StepReport report() const { return {step_, config_.steps, last_train_loss_, last_test_accuracy_}; }

  void train_step() {
    for (auto& [name, parameter] : parameters_) parameter.mutable_grad().reset();
    const Pass pass{.training = true, .rng = rng_.purpose("forward").index(static_cast<uint64_t>(step_))};
    const TaskScore score = task_.score(members_, batches_.batch(task_.train(), step_), pass);
    score.loss.sum().backward();
    const int64_t number = step_ + 1;

    // On a GPU the answer would cost a wait in every step: there the rows of the metrics are checked instead.
    const bool check = members_.tensors().front().is_cpu() || config_.on_non_finite == OnNonFinite::skip;
    if (check && contained(number, describe_non_finite(score.loss, parameters_))) {
      step_ = number;
      return;
    }
    window_.add(score.loss, score.accuracy);
    const std::vector<at::Tensor> before =
        config_.on_non_finite == OnNonFinite::skip ? copies() : std::vector<at::Tensor>();
    const NamedTensors state_before = before.empty() ? NamedTensors() : copies_of(optimizer_->state());
    optimizer_->step(step_, score.loss);
    step_ = number;
    if (check && contained(number, describe_non_finite_parameters(parameters_))) restore(before, state_before);
  }

  // Whether a step with this problem is to be left out; throws when the run is to end.
  bool contained(int64_t number, const std::string& problem) {
    if (problem.empty()) return false;
    const std::string where = "step " + std::to_string(number) + ": " + problem;
    if (config_.on_non_finite == OnNonFinite::skip) {
      notice("[train] " + where + " The step is left out.");
      return true;
    }
    const std::vector<int64_t> saved = folder_.checkpoints().steps();
    throw Error("train", where + " The run ends here; " +
                             (saved.empty() ? std::string("there is no checkpoint yet")
                                            : "the last checkpoint is step " + std::to_string(saved.back())) +
                             ". Try a smaller optimizer.lr, or on_non_finite: skip.");
  }

  std::vector<at::Tensor> copies() const {
    std::vector<at::Tensor> out;
    for (const auto& [name, parameter] : parameters_) out.push_back(parameter.detach().clone());
    return out;
  }

  static NamedTensors copies_of(const NamedTensors& tensors) {
    NamedTensors out;
    for (const auto& [name, tensor] : tensors) out.add(name, tensor.clone());
    return out;
  }

  void restore(const std::vector<at::Tensor>& before, const NamedTensors& state_before) {
    torch::NoGradGuard no_grad;
    size_t i = 0;
    for (auto& [name, parameter] : parameters_) parameter.copy_(before[i++]);
    optimizer_->load_state(state_before);
  }

  // One row: what was trained since the last one and, when due, how the network does on the test examples.
  void record() {
    last_train_loss_ = window_.loss();
    MetricsRow row{step_, {last_train_loss_, window_.accuracy(), kMissing, kMissing}};
    if (!window_.empty() && !std::isfinite(last_train_loss_) && config_.on_non_finite == OnNonFinite::stop)
      contained(step_, "the training loss is " + std::to_string(last_train_loss_) + ".");
    window_.clear();
    if (due(config_.evaluate_every)) {
      const TaskScore test = task_.evaluate(members_, task_.test());
      row.values[2] = test.loss.item<double>();
      row.values[3] = last_test_accuracy_ = test.accuracy.item<double>();
    }
    metrics_->write(row);
  }

  int64_t save() {
    metrics_->sync();  // a checkpoint promises that the rows up to it are there
    Checkpoint checkpoint;
    checkpoint.step = step_;
    checkpoint.config = to_yaml(to_yaml_value(config_));
    const std::vector<Tensor>& described = task_.space()->tensors();
    for (size_t i = 0; i < described.size(); ++i)
      checkpoint.tensors.add("network." + described[i].name, members_.tensors()[i]);
    checkpoint.add_group("optimizer", optimizer_->state());
    checkpoint.add_group("window", window_.state());
    folder_.checkpoints().save(checkpoint);
    return step_;
  }

  void load(const Checkpoint& checkpoint) {
    torch::NoGradGuard no_grad;
    step_ = checkpoint.step;
    const std::vector<Tensor>& described = task_.space()->tensors();
    for (size_t i = 0; i < described.size(); ++i) {
      const at::Tensor& stored = checkpoint.tensors.at("network." + described[i].name);
      if (stored.sizes() != members_.tensors()[i].sizes())
        throw Error("checkpoint",
                    "'" + described[i].name + "' of the checkpoint has another shape than the network's.");
      members_.tensors()[i].copy_(stored);
    }
    optimizer_->load_state(checkpoint.group("optimizer"));
    window_.load_state(checkpoint.group("window"), members_.tensors().front().device());
  }

  void finish(TrainResult& result) {
    std::vector<double> steps, losses;
    metrics_->column("train_loss", steps, losses);
    const auto tail = static_cast<double>(step_ - std::max<int64_t>(200, config_.steps / 10));
    double sum = 0, weight = 0;
    for (size_t i = 0; i < steps.size(); ++i) {
      if (steps[i] <= tail) continue;
      const double covered = steps[i] - (i > 0 ? steps[i - 1] : 0);
      sum += covered * losses[i];
      weight += covered;
    }
    result.train_loss = weight > 0 ? sum / weight : kMissing;
    if (!result.finished) return;
    const TaskScore train = task_.evaluate(members_, task_.train());
    const TaskScore test = task_.evaluate(members_, task_.test());
    result.train_set_loss = train.loss.item<double>();
    result.train_set_accuracy = train.accuracy.item<double>();
    result.test_loss = test.loss.item<double>();
    result.test_accuracy = test.accuracy.item<double>();
  }

  void notice(const std::string& text) const {
    if (callbacks_.on_notice) callbacks_.on_notice(text);
  }

  const TrainConfig& config_;
  const TrainCallbacks& callbacks_;
  Rng rng_;
  Task task_;
  Batches batches_;
  Members members_;
  NamedTensors parameters_;
  std::unique_ptr<TrainingOptimizer> optimizer_;
  RunFolder folder_;
  std::unique_ptr<MetricsLog> metrics_;
  Window window_;
  int64_t step_ = 0;
  double stepping_ = 0;
  double last_train_loss_ = kMissing;
  double last_test_accuracy_ = kMissing;
};

}  // namespace

const std::vector<std::string>& metrics_columns() {
  static const std::vector<std::string> columns = {"train_loss", "train_accuracy", "test_loss", "test_accuracy"};
  return columns;
}

TrainResult train(const TrainConfig& config, const std::filesystem::path& folder, RunFolder::Mode mode,
                  const TrainCallbacks& callbacks) {
  at::set_num_threads(static_cast<int>(config.threads));
  return Run(config, folder, mode, callbacks).run();
}

}  // namespace nfopt
