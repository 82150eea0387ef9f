#include "tests/golden/nfn_run.h"

#include <gtest/gtest.h>

namespace nfopt::golden {
namespace {

constexpr double kTolerance = 1e-10;  // float64

void expect_gradients(const GoldenCase& golden, const NfnRun& run) {
  std::vector<at::Tensor> outputs, cotangents, sources;
  std::vector<std::string> names;
  for (const auto& [name, output] : run.outputs) {
    if (!output.requires_grad()) continue;  // depends on no input
    outputs.push_back(output);
    cotangents.push_back(golden.tensor("cot" + name.substr(3)));
  }
  for (const auto& [name, input] : run.inputs) {
    sources.push_back(input);
    names.push_back("grad." + name);
  }
  for (const auto& [name, parameter] : run.parameters) {
    sources.push_back(parameter);
    names.push_back("grad.param." + name);
  }
  std::vector<at::Tensor> grads(sources.size());
  if (!outputs.empty()) grads = torch::autograd::grad(outputs, sources, cotangents, {}, false, /*allow_unused=*/true);
  for (size_t i = 0; i < sources.size(); ++i)
    expect_close(grads[i].defined() ? grads[i] : at::zeros_like(sources[i]), golden.tensor(names[i]), kTolerance,
                 names[i]);
}

}  // namespace

at::Tensor NfnRun::input(const GoldenCase& golden, const std::string& name) {
  return inputs.emplace(name, golden.tensor(name).clone().requires_grad_()).first->second;
}

std::pair<std::vector<at::Tensor>, std::vector<at::Tensor>> NfnRun::features(const GoldenCase& golden,
                                                                             const std::string& prefix) {
  std::vector<at::Tensor> weights, biases;
  for (size_t i = 0; golden.has(prefix + ".weight." + std::to_string(i)); ++i) {
    weights.push_back(input(golden, prefix + ".weight." + std::to_string(i)));
    biases.push_back(input(golden, prefix + ".bias." + std::to_string(i)));
  }
  return {std::move(weights), std::move(biases)};
}

void NfnRun::put(const std::string& prefix, const std::vector<at::Tensor>& weights,
                 const std::vector<at::Tensor>& biases) {
  for (size_t i = 0; i < weights.size(); ++i) outputs[prefix + ".weight." + std::to_string(i)] = weights[i];
  for (size_t i = 0; i < biases.size(); ++i) outputs[prefix + ".bias." + std::to_string(i)] = biases[i];
}

void expect_published(const GoldenCase& golden, const NfnRun& run) {
  size_t expected = 0;
  for (const auto& [name, tensor] : golden.tensors) {
    if (name != "out" && name.compare(0, 4, "out.") != 0) continue;
    ++expected;
    const auto found = run.outputs.find(name);
    if (found == run.outputs.end())
      ADD_FAILURE() << "nothing computed '" << name << "'";
    else
      expect_close(found->second, tensor, kTolerance, name);
  }
  EXPECT_EQ(run.outputs.size(), expected);
  EXPECT_GT(expected, 0u);
  if (golden.info.at("backward").get<bool>()) expect_gradients(golden, run);
}

}  // namespace nfopt::golden
