#include <nfopt/runtime/train/finite_check.h>
#include <torch/types.h>

#include <cmath>

namespace nfopt {
namespace {

// A sum over finite values is finite unless it overflows, and one bad value spoils it: cheap in the usual case, and
// the exact count is made only when it fails.
bool suspicious(const at::Tensor& tensor) {
  return tensor.defined() && !std::isfinite(tensor.detach().sum().item<double>());
}

int64_t bad_entries(const at::Tensor& tensor) {
  return tensor.numel() - at::isfinite(tensor.detach()).sum().item<int64_t>();
}

std::string of(int64_t bad, const at::Tensor& tensor) {
  return std::to_string(bad) + " of " + std::to_string(tensor.numel());
}

}  // namespace

std::string describe_non_finite(const at::Tensor& loss, const NamedTensors& parameters) {
  const double value = loss.detach().sum().item<double>();
  std::string text =
      std::isfinite(value) ? "" : "the loss is " + (std::isnan(value) ? std::string("nan") : std::string("infinite"));
  for (const auto& [name, parameter] : parameters) {
    if (!suspicious(parameter.grad())) continue;
    const int64_t bad = bad_entries(parameter.grad());
    if (bad == 0) continue;
    text += (text.empty() ? "" : "; ") +
            ("'" + name + "' has gradients that are not finite (" + of(bad, parameter.grad()) + ")");
    break;
  }
  return text.empty() ? text : text + ".";
}

std::string describe_non_finite_parameters(const NamedTensors& parameters) {
  for (const auto& [name, parameter] : parameters) {
    if (!suspicious(parameter)) continue;
    if (const int64_t bad = bad_entries(parameter); bad > 0)
      return "the update made values of '" + name + "' that are not finite (" + of(bad, parameter) + ").";
  }
  return "";
}

}  // namespace nfopt
