#include <nfopt/runtime/tasks/task_gradient.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

namespace nfopt {
namespace {

class AutogradGradient final : public TaskGradient {
 public:
  AutogradGradient(std::shared_ptr<const Task> task, int64_t particles, int64_t signs)
      : task_(std::move(task)), particles_(particles), signs_(signs) {}

  void operator()(Members& members, const Examples& batches, const Pass& pass) override {
    const at::AutoGradMode grad(true);
    std::vector<at::Tensor> losses;
    std::vector<std::vector<at::Tensor>> gradients;
    for (int64_t s = 0; s < signs_; ++s) one_sign(members, s, batches, pass, losses, gradients);
    if (signs_ == 1) {
      loss_ = losses.front();
      gradients_ = gradients.front();
      return;
    }
    loss_ = at::cat(losses);
    gradients_.resize(gradients.front().size());
    for (size_t i = 0; i < gradients_.size(); ++i) gradients_[i] = at::cat({gradients[0][i], gradients[1][i]});
  }

 private:
  void one_sign(Members& members, int64_t sign, const Examples& batches, const Pass& pass,
                std::vector<at::Tensor>& losses, std::vector<std::vector<at::Tensor>>& gradients) const {
    std::vector<at::Tensor> own, parameters;
    const auto& described = members.space()->tensors();
    for (size_t i = 0; i < described.size(); ++i) {
      const bool parameter = described[i].kind == Kind::parameter;
      own.push_back(members.tensors()[i].narrow(0, sign * particles_, particles_).detach().requires_grad_(parameter));
      if (parameter) parameters.push_back(own.back());
    }
    Members half(members.space(), own);
    const at::Tensor loss = task_->member_losses(half, batches, pass);
    losses.push_back(loss.detach());
    gradients.push_back(torch::autograd::grad({loss.sum()}, parameters, {}, std::nullopt, false, true));
    for (size_t i = 0, k = 0; i < described.size(); ++i) {
      if (described[i].kind == Kind::parameter) {
        at::Tensor& gradient = gradients.back()[k++];
        if (!gradient.defined()) gradient = at::zeros_like(own[i]);
      } else if (half.tensors()[i].data_ptr() != own[i].data_ptr()) {  // the forward put another tensor in its place
        own[i].copy_(half.tensors()[i].detach());
      }
    }
  }

  std::shared_ptr<const Task> task_;
  int64_t particles_;
  int64_t signs_;
};

}  // namespace

TaskGradient::~TaskGradient() = default;

std::unique_ptr<TaskGradient> make_autograd_gradient(std::shared_ptr<const Task> task, int64_t particles,
                                                     int64_t signs) {
  return std::make_unique<AutogradGradient>(std::move(task), particles, signs);
}

std::unique_ptr<TaskGradient> make_task_gradient(std::shared_ptr<const Task> task, int64_t particles, int64_t signs) {
  if (auto by_hand = make_mlp_gradient(*task, particles, signs)) return by_hand;
  return make_autograd_gradient(std::move(task), particles, signs);
}

}  // namespace nfopt
