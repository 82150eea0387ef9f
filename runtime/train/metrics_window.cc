#include <nfopt/runtime/train/metrics_window.h>
#include <torch/types.h>

#include <limits>

namespace nfopt {
namespace {

double mean(const std::vector<at::Tensor>& values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const at::Tensor all = at::cat(values).to(at::kCPU, at::kDouble);
  double sum = 0;
  for (int64_t i = 0; i < all.numel(); ++i) sum += all.const_data_ptr<double>()[i];
  return sum / static_cast<double>(all.numel());
}

}  // namespace

void MetricsWindow::add(const at::Tensor& loss, const at::Tensor& accuracy) {
  losses_.push_back(loss.detach().view({1}));
  accuracies_.push_back(accuracy.detach().view({1}));
}

double MetricsWindow::loss() const { return mean(losses_); }
double MetricsWindow::accuracy() const { return mean(accuracies_); }

void MetricsWindow::clear() {
  losses_.clear();
  accuracies_.clear();
}

NamedTensors MetricsWindow::state() const {
  NamedTensors state;
  if (empty()) return state;
  state.add("losses", at::cat(losses_));
  state.add("accuracies", at::cat(accuracies_));
  return state;
}

void MetricsWindow::load_state(const NamedTensors& state, at::Device device) {
  clear();
  if (state.find("losses") == nullptr) return;
  losses_ = state.at("losses").to(device).split(1);
  accuracies_ = state.at("accuracies").to(device).split(1);
}

}  // namespace nfopt
