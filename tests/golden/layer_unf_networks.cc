// unf_sequential and unf_pooled: several layers, a batch of networks, the invariant head.

#include <gtest/gtest.h>
#include <nfopt/nflayers/layers/unf_predictor.h>
#include <torch/torch.h>

#include "tests/golden/golden_case.h"
#include "tests/golden/unf_features.h"

namespace nfopt::golden {
namespace {

constexpr double kTolerance = 1e-11;

/// The module's parameters from "param.<name>", where `prefix` is what the module adds in front of the golden name.
std::string golden_name(std::string name, const std::string& prefix) {
  return name.compare(0, prefix.size(), prefix) == 0 ? name.substr(prefix.size()) : name;
}

void load(torch::nn::Module& module, const GoldenCase& golden, const std::string& prefix) {
  module.to(torch::kDouble);
  const torch::NoGradGuard guard;
  for (auto& p : module.named_parameters()) p.value().copy_(golden.tensor("param." + golden_name(p.key(), prefix)));
}

void expect_gradients(torch::nn::Module& module, const GoldenCase& golden, const std::string& prefix) {
  size_t compared = 0;
  for (auto& p : module.named_parameters()) {
    const std::string name = golden_name(p.key(), prefix);
    expect_close(p.value().grad(), golden.tensor("grad.param." + name), kTolerance, name);
    ++compared;
  }
  size_t in_file = 0;
  for (const auto& [name, tensor] : golden.tensors) in_file += name.compare(0, 6, "param.") == 0;
  EXPECT_EQ(compared, in_file);
}

void expect_input_gradients(const std::vector<at::Tensor>& x, const GoldenCase& golden, const WeightSpace& space,
                            int64_t batches) {
  const auto expected = features(golden, space, "grad.in.", batches);
  for (size_t i = 0; i < x.size(); ++i)
    expect_close(x[i].grad(), expected[i], kTolerance, "grad.in." + space.tensors()[i].name);
}

void check_sequential(const GoldenCase& golden) {
  const auto space = golden.space();
  UnfSequential network(UnfSequentialOptions(space, golden.option<std::vector<int64_t>>("channels", {})));
  load(*network, golden, "");
  auto x = features(golden, *space, "in.", 0);
  for (at::Tensor& t : x) t.requires_grad_();
  const auto y = network->forward(x);
  const auto expected = features(golden, *space, "out.", 0);
  for (size_t i = 0; i < y.size(); ++i) expect_close(y[i], expected[i], kTolerance, "out." + space->tensors()[i].name);
  torch::autograd::backward(y, features(golden, *space, "cot.", 0));
  expect_gradients(*network, golden, "");
  expect_input_gradients(x, golden, *space, 0);
}

void check_pooled(const GoldenCase& golden) {
  const auto space = golden.space();
  UnfPredictor network(UnfPredictorOptions(space, golden.option<std::vector<int64_t>>("channels", {}),
                                           golden.option<int64_t>("hidden", 0), golden.option<int64_t>("n_out", 0)));
  load(*network, golden, "layers.");
  auto x = features(golden, *space, "in.", 1);
  for (at::Tensor& t : x) t.requires_grad_();
  expect_close(network->pooled(x)[0], golden.tensor("pooled"), kTolerance, "pooled");
  const auto y = network->forward(x);
  expect_close(y[0], golden.tensor("out"), kTolerance, "out");
  y.backward(golden.tensor("cot").unsqueeze(0));
  expect_gradients(*network, golden, "layers.");
  expect_input_gradients(x, golden, *space, 1);
}

const bool registered = register_golden_kind("unf-golden-1", "unf_sequential", check_sequential) &&
                        register_golden_kind("unf-golden-1", "unf_pooled", check_pooled);

}  // namespace
}  // namespace nfopt::golden
