#include <gtest/gtest.h>
#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/layers/unf_linear_map.h>
#include <nfopt/nflayers/layers/unf_predictor.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <torch/torch.h>

#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt {
namespace {

using testing::described_spaces;
using Tensors = std::vector<at::Tensor>;

constexpr double kTolerance = 1e-10;  // float64
// Thousands of tiny products: a second thread costs more than it helps, above all on a busy machine.
const bool single_threaded = (at::set_num_threads(1), true);

Tensors random_features(const WeightSpace& space, int64_t members, int64_t channels) {
  Tensors x;
  for (const Tensor& tensor : space.tensors()) {
    std::vector<int64_t> sizes = {members, 1, channels};
    sizes.insert(sizes.end(), tensor.shape.begin(), tensor.shape.end());
    x.push_back(at::empty(sizes, at::kDouble));
    fill_normal(x.back(), Rng(5).purpose(tensor.name), 0, 1);
  }
  return x;
}

Tensors random_parameters(const UnfLinearMap& map) {  // biases too
  Tensors parameters = map.initial_parameters(Rng(6));
  for (size_t i = 0; i < parameters.size(); ++i) fill_normal(parameters[i], Rng(7).index(i), 0, 1);
  return parameters;
}

double largest_difference(const Tensors& a, const Tensors& b) {
  double largest = 0, scale = 1;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, (a[i] - b[i]).abs().max().item<double>());
    scale = std::max(scale, a[i].abs().max().item<double>());
  }
  return largest / scale;
}

TEST(UnfLinear, CommutesWithTheLayerGroupOfEveryDescribedSpace) {
  for (const auto& [name, tensors] : described_spaces()) {
    const WeightSpace space(tensors);
    for (const Fold& fold : {Fold::fixed(), Fold::all(), Fold::none()}) {
      const UnfLinearMap map(space, fold, 2, 1);
      const auto parameters = random_parameters(map);
      const auto x = random_features(space, 1, 2);
      for (uint64_t draw = 0; draw < 3; ++draw) {
        const GroupAction g(space, random_layer_element(space, fold, Rng(draw)));
        EXPECT_LE(largest_difference(g(map(parameters, x)), map(parameters, g(x))), kTolerance)
            << name << ", fold mode " << static_cast<int>(fold.mode) << ", draw " << draw;
      }
    }
  }
}

TEST(UnfLinear, CommutesWithTheSymmetriesOfTheNetworkWhateverIsFolded) {
  for (const auto& [name, tensors] : described_spaces()) {
    const WeightSpace space(tensors);
    const GroupAction g(space, random_symmetry(space, Rng(3)));
    for (const Fold& fold : {Fold::fixed(), Fold::all(), Fold::none()}) {
      const UnfLinearMap map(space, fold, 1, 2);
      const auto parameters = random_parameters(map);
      const auto x = random_features(space, 1, 1);
      EXPECT_LE(largest_difference(g(map(parameters, x)), map(parameters, g(x))), kTolerance) << name;
    }
  }
}

TEST(UnfLinear, DoesNotCommuteWithPermutationsThatAreNoSymmetry) {
  // The columns of w2 move without the rows of w1: a layer that allowed this would see no connection between them.
  const WeightSpace space({testing::tensor("w1", {4, 3}, "[h, ~in]"), testing::tensor("w2", {2, 4}, "[~out, h]")});
  const UnfLinearMap map(space, Fold::fixed(), 1, 1);
  const auto parameters = random_parameters(map);
  const auto x = random_features(space, 1, 1);
  auto wrong = [](const Tensors& t) { return Tensors{t[0], t[1].flip(-1)}; };
  EXPECT_GT(largest_difference(wrong(map(parameters, x)), map(parameters, wrong(x))), 1e-2);
}

TEST(UnfPredictor, IsInvariantUnderTheLayerGroup) {
  for (const auto& [name, tensors] : described_spaces()) {
    const auto space = std::make_shared<const WeightSpace>(tensors);
    for (const Fold& fold : {Fold::fixed(), Fold::all()}) {
      UnfPredictor network(UnfPredictorOptions(space, {2, 3}, 4, 2).fold(fold).seed(11));
      network->to(torch::kDouble);
      const auto x = random_features(*space, 2, 2);
      const GroupAction g(*space, random_layer_element(*space, fold, Rng(4)));
      const at::Tensor y = network->forward(x);
      EXPECT_EQ(y.sizes(), (at::IntArrayRef{2, 1, 2}));
      EXPECT_LE((network->forward(g(x)) - y).abs().max().item<double>(), kTolerance) << name;
    }
  }
}

}  // namespace
}  // namespace nfopt
