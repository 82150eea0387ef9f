#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/network/ops/activation.h>
#include <torch/types.h>

#include <utility>

namespace nfopt::ops {
namespace {

const std::pair<const char*, Activation> kActivations[] = {
    {"identity", [](const at::Tensor& x) { return x; }},
    {"relu", [](const at::Tensor& x) { return at::relu(x); }},
    {"leaky_relu", [](const at::Tensor& x) { return at::leaky_relu(x, 0.01); }},
    {"elu", [](const at::Tensor& x) { return at::elu(x); }},
    {"gelu", [](const at::Tensor& x) { return at::gelu(x); }},
    {"gelu_tanh", [](const at::Tensor& x) { return at::gelu(x, "tanh"); }},
    {"silu", [](const at::Tensor& x) { return at::silu(x); }},
    {"tanh", [](const at::Tensor& x) { return at::tanh(x); }},
    {"sigmoid", [](const at::Tensor& x) { return at::sigmoid(x); }},
    {"softplus", [](const at::Tensor& x) { return at::softplus(x); }},
    {"sine", [](const at::Tensor& x) { return at::sin(x); }},
};

}  // namespace

std::vector<std::string> activation_names() {
  std::vector<std::string> names;
  for (const auto& [name, function] : kActivations) names.push_back(name);
  return names;
}

Activation activation(const std::string& name) {
  for (const auto& [known, function] : kActivations) {
    if (name == known) return function;
  }
  throw Error("network", "No activation '" + name + "'." + known_names(name, activation_names()));
}

}  // namespace nfopt::ops
