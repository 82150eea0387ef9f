// unf_layer and unf_terms: partitions in the published order, one layer forwards and backwards, every term alone.

#include <gtest/gtest.h>
#include <nfopt/nflayers/layers/unf_linear_map.h>
#include <torch/torch.h>

#include "tests/golden/golden_case.h"
#include "tests/golden/unf_features.h"

namespace nfopt::golden {
namespace {

constexpr double kTolerance = 1e-11;

// ["o0", "i1"] -> indices of the joint list of axes.
Partition partition_of(const nlohmann::json& blocks, size_t outs) {
  Partition partition;
  for (const auto& block : blocks) {
    partition.emplace_back();
    for (const std::string axis : block)
      partition.back().push_back(std::stoi(axis.substr(1)) + (axis[0] == 'o' ? 0 : static_cast<int>(outs)));
  }
  return partition;
}

void expect_published_partitions(const GoldenCase& golden, const WeightSpace& space) {
  const auto layers = fold_views(space, Fold::fixed());
  std::vector<size_t> rows(layers.size(), 0);
  for (const auto& pair : golden.info.at("pairs")) {
    const int out = space.index(pair.at("out").get<std::string>()), in = space.index(pair.at("in").get<std::string>());
    const auto partitions = valid_partitions(layers[out].axes, layers[in].axes);
    EXPECT_EQ(rows[out], pair.at("offset").get<size_t>());
    rows[out] += partitions.size();
    ASSERT_EQ(partitions.size(), pair.at("n").get<size_t>());
    for (size_t i = 0; i < partitions.size(); ++i)
      EXPECT_EQ(partitions[i], partition_of(pair.at("terms")[i], layers[out].axes.size())) << "term " << i;
  }
}

void check_layer(const GoldenCase& golden) {
  const auto space = golden.space();
  expect_published_partitions(golden, *space);
  const UnfLinearMap map(*space, Fold::fixed(), golden.option<int64_t>("c_in", 0), golden.option<int64_t>("c_out", 0));
  EXPECT_EQ(map.plan()->terms.size(), golden.info.at("n_terms_total").get<size_t>());

  auto x = features(golden, *space, "in.", 0);
  std::vector<at::Tensor> parameters;
  for (const StoredParameter& p : map.parameters()) {
    parameters.push_back(golden.tensor(p.name).unsqueeze(0).requires_grad_());
    EXPECT_EQ(golden.tensor(p.name).sizes(), at::IntArrayRef(p.shape)) << p.name;
  }
  for (at::Tensor& t : x) t.requires_grad_();
  const auto y = map(parameters, x);
  const auto cotangents = features(golden, *space, "cot.", 0);
  const auto expected = features(golden, *space, "out.", 0);
  for (size_t i = 0; i < y.size(); ++i) expect_close(y[i], expected[i], kTolerance, "out." + space->tensors()[i].name);

  std::vector<at::Tensor> inputs = parameters;
  inputs.insert(inputs.end(), x.begin(), x.end());
  const auto grads = torch::autograd::grad(y, inputs, cotangents);
  for (size_t i = 0; i < parameters.size(); ++i)
    expect_close(grads[i][0], golden.tensor("grad.param." + map.parameters()[i].name), kTolerance,
                 map.parameters()[i].name);
  const auto grad_in = features(golden, *space, "grad.in.", 0);
  for (size_t i = 0; i < x.size(); ++i)
    expect_close(grads[parameters.size() + i], grad_in[i], kTolerance, "grad.in." + space->tensors()[i].name);
}

void check_terms(const GoldenCase& golden) {
  const auto space = golden.space();
  expect_published_partitions(golden, *space);
  const UnfLinearMap map(*space, Fold::fixed(), 1, 1);
  std::vector<at::Tensor> x;
  for (const Tensor& tensor : space->tensors())
    x.push_back(golden.tensor("in." + tensor.name).reshape(tensor.shape).unsqueeze(0).unsqueeze(0).unsqueeze(0));
  // One member per row of theta: member r has coefficient 1 there and 0 elsewhere.
  for (const auto& pair : golden.info.at("pairs")) {
    const std::string out = pair.at("out"), in = pair.at("in");
    const int64_t n = pair.at("n"), offset = pair.at("offset");
    std::vector<at::Tensor> parameters, repeated;
    for (const StoredParameter& p : map.parameters()) {
      std::vector<int64_t> sizes = {n};
      sizes.insert(sizes.end(), p.shape.begin(), p.shape.end());
      parameters.push_back(at::zeros(sizes, at::kDouble));
      if (p.name == "theta." + out) parameters.back().narrow(1, offset, n).squeeze(-1).squeeze(-1).fill_diagonal_(1);
    }
    for (const at::Tensor& t : x) {
      std::vector<int64_t> sizes = t.sizes().vec();
      sizes[0] = n;
      repeated.push_back(t.expand(sizes));
    }
    const int index = space->index(out);
    const at::Tensor expected = golden.tensor("E." + out + ".from." + in);
    const auto y = map(parameters, repeated);
    expect_close(y[index].reshape(expected.sizes()), expected, kTolerance, out + " from " + in);
  }
}

const bool registered = register_golden_kind("unf-golden-1", "unf_layer", check_layer) &&
                        register_golden_kind("unf-golden-1", "unf_terms", check_terms);

}  // namespace
}  // namespace nfopt::golden
