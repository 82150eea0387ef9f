#include <nfopt/runtime/tasks/task_gradient.h>
#include <nfopt/runtime/zoo/member_data.h>
#include <nfopt/runtime/zoo/member_optimizer.h>
#include <nfopt/runtime/zoo/train_chunk.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace nfopt {
namespace {

class ChunkTraining {
 public:
  ChunkTraining(const std::shared_ptr<const Task>& task, const ZooConfig& config, const ZooChunk& chunk)
      : task_(task),
        config_(config),
        networks_(chunk.networks),
        steps_(chunk.steps()),
        members_(Members::zeros(task->space(), size(), task->train().inputs.options())),
        gradient_(make_task_gradient(task, size(), 1)) {
    initialize();
    const auto& described = task_->space()->tensors();
    for (size_t i = 0; i < described.size(); ++i)
      if (described[i].kind == Kind::parameter) parameters_.push_back(members_.tensors()[i]);
    std::vector<double> rates, decays;
    for (const ZooNetwork& network : networks_) {
      rates.push_back(network.hyper_parameters.learning_rate);
      decays.push_back(network.hyper_parameters.weight_decay);
    }
    optimizer_ = make_member_optimizer(chunk.shared().optimizer, parameters_, rates, decays);
    const Examples two = task_->train().first(2);
    std::vector<int64_t> shape = two.inputs.sizes().vec();
    shape[0] = task_->batch_size();
    shape.insert(shape.begin(), size());
    batches_ = {at::empty(shape, two.inputs.options()), at::empty({size(), task_->batch_size()}, at::kLong)};
    for (const at::Tensor& tensor : members_.tensors()) {
      before_.push_back(tensor.clone());
      kept_.push_back(tensor.clone());
    }
  }

  bool run(const std::function<bool(int64_t)>& on_step) {
    for (int64_t t = 0; t < steps_; ++t) {
      step(t);
      if (!on_step(scheduled(t))) return false;
    }
    return true;
  }

  Zoo result() {
    Members trained(task_->space(), kept_);
    const TaskScore test = task_->evaluate(
        trained, config_.test_examples > 0 ? task_->test().first(config_.test_examples) : task_->test());
    for (size_t m = 0; m < networks_.size(); ++m) {
      const auto row = static_cast<int64_t>(m);
      std::vector<at::Tensor> own;
      for (const at::Tensor& tensor : kept_) own.push_back(tensor.narrow(0, row, 1));
      Members one(task_->space(), own);
      const TaskScore train = task_->evaluate(one, data_[m].first(config_.train_examples));
      ZooNetwork& network = networks_[m];
      network.train_loss = train.loss[0].item<double>();
      network.train_accuracy = train.accuracy[0].item<double>();
      network.test_loss = test.loss[row].item<double>();
      network.test_accuracy = test.accuracy[row].item<double>();
    }
    return {task_->space(), networks_, kept_};
  }

 private:
  int64_t size() const { return static_cast<int64_t>(networks_.size()); }
  int64_t steps_of(size_t m) const { return networks_[m].hyper_parameters.steps; }
  bool trains(size_t m, int64_t t) const { return networks_[m].diverged_at < 0 && t < steps_of(m); }
  int64_t scheduled(int64_t t) const {
    return std::count_if(networks_.begin(), networks_.end(),
                         [t](const ZooNetwork& n) { return t < n.hyper_parameters.steps; });
  }

  // A network's start depends on its index alone: the network is drawn as if it were the only one.
  void initialize() {
    const auto& described = task_->space()->tensors();
    for (size_t m = 0; m < networks_.size(); ++m) {
      const HyperParameters& h = networks_[m].hyper_parameters;
      const Rng rng = zoo_rng(config_, networks_[m].index);
      const Members fresh = task_->initialize(1, rng.purpose("init"));
      for (size_t i = 0; i < described.size(); ++i) {
        at::Tensor row = members_.tensors()[i][static_cast<int64_t>(m)];
        row.copy_(fresh.tensors()[i][0]);
        const bool scaled = described[i].role == Role::weight || described[i].role == Role::table;
        if (scaled && described[i].kind == Kind::parameter) row.mul_(h.initial_scale);
      }
      data_.emplace_back(task_->train(), task_->classes(), h.data_share, h.label_noise, rng.purpose("data"));
    }
  }

  void step(int64_t t) {
    const at::NoGradGuard no_grad;
    for (size_t m = 0; m < networks_.size(); ++m)
      if (trains(m, t))
        data_[m].draw(t, batches_.inputs[static_cast<int64_t>(m)], batches_.targets[static_cast<int64_t>(m)]);
    const Rng rng = Rng(static_cast<uint64_t>(config_.seed)).purpose("zoo pass").index(static_cast<uint64_t>(t));
    (*gradient_)(members_, batches_, Pass{true, rng});
    const at::Tensor losses = gradient_->loss().to(at::kDouble).contiguous();
    const double* loss = losses.const_data_ptr<double>();
    for (size_t m = 0; m < networks_.size(); ++m)
      if (trains(m, t) && !std::isfinite(loss[m])) end(m, t, before_);
    for (size_t i = 0; i < before_.size(); ++i) before_[i].copy_(members_.tensors()[i]);
    optimizer_->step(parameters_, gradient_->gradients());
    for (size_t m = 0; m < networks_.size(); ++m) {
      if (!trains(m, t) || t + 1 < steps_of(m)) continue;
      if (finite(m)) {
        keep(m, members_.tensors());
      } else {
        end(m, t, before_);
      }
    }
  }

  bool finite(size_t m) const {
    return std::all_of(members_.tensors().begin(), members_.tensors().end(), [&](const at::Tensor& tensor) {
      return at::isfinite(tensor[static_cast<int64_t>(m)]).all().item<bool>();
    });
  }
  void keep(size_t m, const std::vector<at::Tensor>& tensors) {
    const auto row = static_cast<int64_t>(m);
    for (size_t i = 0; i < kept_.size(); ++i) kept_[i][row].copy_(tensors[i][row]);
  }
  void end(size_t m, int64_t t, const std::vector<at::Tensor>& tensors) {
    keep(m, tensors);
    networks_[m].diverged_at = t;
  }

  std::shared_ptr<const Task> task_;
  const ZooConfig& config_;
  std::vector<ZooNetwork> networks_;
  int64_t steps_;
  Members members_;
  std::unique_ptr<TaskGradient> gradient_;
  std::unique_ptr<MemberOptimizer> optimizer_;
  std::vector<at::Tensor> parameters_;  ///< of members_, the same memory
  std::vector<MemberData> data_;
  Examples batches_;
  std::vector<at::Tensor> before_;  ///< all tensors before the last update
  std::vector<at::Tensor> kept_;    ///< of networks that have ended
};

}  // namespace

std::optional<Zoo> train_chunk(const std::shared_ptr<const Task>& task, const ZooConfig& config, const ZooChunk& chunk,
                               const std::function<bool(int64_t)>& on_step) {
  const at::NoGradGuard no_grad;
  ChunkTraining training(task, config, chunk);
  if (!training.run(on_step)) return {};
  return training.result();
}

}  // namespace nfopt
