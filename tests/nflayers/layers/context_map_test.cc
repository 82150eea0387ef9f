#include <gtest/gtest.h>
#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/layers/context_map.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt {
namespace {

using testing::described_spaces;
using testing::tensor;
using Tensors = std::vector<at::Tensor>;

Tensors random_features(const WeightSpace& space, int64_t channels) {
  Tensors x;
  for (const Tensor& t : space.tensors()) {
    std::vector<int64_t> sizes = {2, 3, channels};
    sizes.insert(sizes.end(), t.shape.begin(), t.shape.end());
    x.push_back(at::empty(sizes, at::kDouble));
    fill_normal(x.back(), Rng(5).purpose(t.name), 0, 1);
  }
  return x;
}

ContextWeights random_weights(int64_t in, int64_t out) {
  ContextWeights weights;
  uint64_t i = 0;
  for (at::Tensor* w : {&weights.output, &weights.input, &weights.neither, &weights.tensor, &weights.network}) {
    *w = at::empty({2, in, out}, at::kDouble);
    fill_normal(*w, Rng(6).index(i++), 0, 1);
  }
  return weights;
}

TEST(ContextMap, CommutesWithTheLayerGroupOfEveryDescribedSpace) {
  for (const auto& [name, tensors] : described_spaces()) {
    const WeightSpace space(tensors);
    const ContextMap map(space);
    const ContextWeights weights = random_weights(2, 3);
    const Tensors x = random_features(space, 2);
    for (const Fold& fold : {Fold::fixed(), Fold::none()}) {
      const GroupAction g(space, random_layer_element(space, fold, Rng(1)));
      const Tensors a = g(map(weights, x)), b = map(weights, g(x));
      for (size_t i = 0; i < a.size(); ++i)
        EXPECT_LE((a[i] - b[i]).abs().max().item<double>(), 1e-12) << name << ", tensor " << i;  // float64
    }
  }
}

TEST(ContextMap, IsTheMeansItSays) {
  // w [h, ~in], b [h]: context of h from w's rows and b, of in from w's columns.
  auto b = tensor("b", {2}, "[h]");
  b.role = Role::bias;
  const WeightSpace space({tensor("w", {2, 3}, "[h, ~in]"), b});
  const ContextMap map(space);
  ContextWeights weights;
  const auto number = [](double x) { return at::full({1, 1, 1}, x, at::kDouble); };
  weights = {number(1), number(10), number(100), number(1000), number(10000)};
  const at::Tensor w = at::tensor({1.0, 2.0, 3.0, 5.0, 7.0, 9.0}, at::kDouble).view({1, 1, 1, 2, 3});
  const at::Tensor bias = at::tensor({4.0, 6.0}, at::kDouble).view({1, 1, 1, 2});
  const Tensors y = map(weights, {w, bias});
  const double rows[] = {(2.0 + 4.0) / 2, (7.0 + 6.0) / 2}, columns[] = {3.0, 4.5, 6.0};
  const double tensors[] = {4.5, 5.0}, network = 4.75;
  for (int64_t i = 0; i < 2; ++i) {
    for (int64_t j = 0; j < 3; ++j)
      EXPECT_NEAR(y[0][0][0][0][i][j].item<double>(), rows[i] + 10 * columns[j] + 1000 * tensors[0] + 10000 * network,
                  1e-9);
    EXPECT_NEAR(y[1][0][0][0][i].item<double>(), rows[i] + 1000 * tensors[1] + 10000 * network, 1e-9);
  }
}

TEST(ContextMap, RefusesAnotherNumberOfTensors) {
  const WeightSpace space({tensor("w", {2, 3}, "[h, ~in]")});
  const ContextMap map(space);
  EXPECT_THROW(map(random_weights(2, 2), {}), Error);
}

}  // namespace
}  // namespace nfopt
