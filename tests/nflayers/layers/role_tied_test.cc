#include <gtest/gtest.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/layers/role_tied_map.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <torch/torch.h>

#include <cmath>
#include <map>
#include <regex>
#include <set>

#include "tests/nflayers/layers/layer_zoo.h"
#include "tests/nflayers/layers/network_families.h"
#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt {
namespace {

using namespace testing;
using Tensors = std::vector<at::Tensor>;

/// One of every family, with more than one layer of everything.
std::vector<std::pair<std::string, Descriptions>> families() {
  return {{"mlp", mlp(3)}, {"cnn", cnn(2)}, {"resnet", resnet({2, 2})}, {"gpt", gpt(2)}, {"lstm", lstm(2, true)}};
}

Tensors doubles(const WeightSpace& space, int64_t members, int64_t batch, int64_t channels) {
  return random_features(space, members, batch, channels, at::kDouble, Rng(5));
}

RoleTiedTheta random_theta(const RoleTiedMap& map, int64_t members = 1) {  // biases too
  RoleTiedTheta theta = map.initial_theta(Rng(6));
  for (auto& [key, value] : theta) {
    std::vector<int64_t> sizes = value.sizes().vec();
    sizes[0] = members;
    value = at::empty(sizes, at::kDouble);
    fill_normal(value, Rng(7).purpose(key), 0, 1);
  }
  return theta;
}

TEST(RoleTiedMap, EqualsItsUntiedExpansion) {
  std::vector<std::pair<std::string, Descriptions>> cases = families();
  for (const auto& [name, tensors] : described_spaces()) cases.emplace_back(name, tensors);
  for (const auto& [name, tensors] : cases) {
    const WeightSpace space(tensors);
    const RoleTiedMap map(space, 2, 3);
    const RoleTiedTheta theta = random_theta(map);
    const Tensors x = doubles(space, 2, 1, 2);
    EXPECT_LE(largest_difference(map(theta, x), aten::apply(map.plan(), map.untied(theta), x)), 1e-12) << name;
  }
}

TEST(RoleTiedMap, CommutesWithTheLayerGroupOfEveryDescribedSpace) {
  for (const auto& [name, tensors] : described_spaces()) {
    const WeightSpace space(tensors);
    const RoleTiedMap map(space, 2, 2);
    const RoleTiedTheta theta = random_theta(map);
    const Tensors x = doubles(space, 1, 1, 2);
    const GroupAction g(space, random_layer_element(space, Fold::none(), Rng(1)));
    EXPECT_LE(largest_difference(g(map(theta, x)), map(theta, g(x))), 1e-10) << name;  // float64
  }
}

TEST(RoleTiedMap, TheNumberOfKeysDoesNotDependOnTheSizeOfTheNetwork) {
  const auto keys = [](const Descriptions& tensors) { return RoleTiedMap(WeightSpace(tensors), 1, 1).keys().size(); };
  EXPECT_EQ(keys(mlp(3)), 53u);
  EXPECT_EQ(keys(mlp(6)), 56u);
  EXPECT_EQ(keys(mlp(8)), 56u);
  EXPECT_EQ(keys(cnn(2)), 57u);
  EXPECT_EQ(keys(cnn(6)), 60u);
  EXPECT_EQ(keys(resnet({2, 2})), 121u);
  EXPECT_EQ(keys(resnet({2, 3, 2})), 121u);
  EXPECT_EQ(keys(gpt(2)), 216u);
  EXPECT_EQ(keys(gpt(3)), 216u);
  EXPECT_EQ(keys(lstm(1, false)), 98u);
  EXPECT_EQ(keys(lstm(2, false)), 128u);
  EXPECT_EQ(keys(lstm(3, true)), 130u);  // 129 where the head reads one direction only
}

/// Every label gets a new name; the alphabetical order is turned around.
class Renaming {
 public:
  std::string operator()(const std::string& axes) {
    static const std::regex name("[A-Za-z][A-Za-z0-9_]*");
    std::string result;
    size_t done = 0;
    for (auto it = std::sregex_iterator(axes.begin(), axes.end(), name); it != std::sregex_iterator(); ++it) {
      const auto found = names_.try_emplace(it->str(), "n" + std::to_string(999 - names_.size())).first;
      const auto at = static_cast<size_t>(it->position());
      result += axes.substr(done, at - done) + found->second;
      done = at + static_cast<size_t>(it->length());
    }
    return result + axes.substr(done);
  }

 private:
  std::map<std::string, std::string> names_;
};

TEST(RoleTiedMap, NamesOfLabelsAndOrderOfTensorsDoNotMatter) {
  for (const auto& [family, tensors] : families()) {
    Renaming renamed;
    Descriptions changed = tensors;
    for (TensorDescription& t : changed) {
      t.axes = renamed(t.axes);
      t.name = "model." + t.name;
      t.block = "model." + t.block;
    }
    const std::vector<int64_t> order = Rng(9).permutation(static_cast<int64_t>(changed.size()));  // new -> old
    Descriptions shuffled;
    for (const int64_t i : order) shuffled.push_back(changed[i]);
    const WeightSpace space(tensors);
    const RoleTiedMap map(space, 2, 2), other(WeightSpace(shuffled), 2, 2);
    ASSERT_EQ(map.keys(), other.keys()) << family;
    EXPECT_EQ(map.bias_keys(), other.bias_keys()) << family;
    const RoleTiedTheta theta = random_theta(map), fresh = map.initial_theta(Rng(1)),
                        other_fresh = other.initial_theta(Rng(1));
    for (const auto& [key, value] : fresh) EXPECT_TRUE(at::equal(value, other_fresh.at(key))) << family << ' ' << key;
    const Tensors x = doubles(space, 1, 2, 2);
    Tensors moved, expected;
    const Tensors y = map(theta, x);
    for (const int64_t i : order) {
      moved.push_back(x[i]);
      expected.push_back(y[i]);
    }
    EXPECT_LE(largest_difference(expected, other(theta, moved)), 1e-12) << family;
  }
}

TEST(RoleTiedMap, MembersHaveTheirOwnCoefficients) {
  const WeightSpace space(mlp(3));
  const RoleTiedMap map(space, 2, 2);
  const RoleTiedTheta theta = random_theta(map, 3);
  const Tensors x = doubles(space, 3, 2, 2), all = map(theta, x);
  for (int64_t p = 0; p < 3; ++p) {
    RoleTiedTheta own;
    for (const auto& [key, value] : theta) own[key] = value.narrow(0, p, 1);
    Tensors mine, expected;
    for (size_t i = 0; i < x.size(); ++i) {
      mine.push_back(x[i].narrow(0, p, 1));
      expected.push_back(all[i].narrow(0, p, 1));
    }
    EXPECT_LE(largest_difference(expected, map(own, mine)), 1e-12) << p;
  }
}

TEST(RoleTiedMap, DerivativesAgreeWithDifferences) {
  for (const auto& [family, tensors] : families()) {
    const WeightSpace space(tensors);
    const RoleTiedMap map(space, 2, 2);
    RoleTiedTheta theta = random_theta(map);
    Tensors x = doubles(space, 1, 2, 2), inputs, directions;
    for (auto& [key, value] : theta) inputs.push_back(value.requires_grad_());
    for (at::Tensor& t : x) inputs.push_back(t.requires_grad_());
    const auto loss = [&] {
      at::Tensor sum = at::zeros({}, at::kDouble);
      for (const at::Tensor& y : map(theta, x)) sum = sum + (y * y).sum();
      return sum;
    };
    const auto gradient = torch::autograd::grad({loss()}, inputs);
    const torch::NoGradGuard no_grad;
    double along = 0;
    for (size_t i = 0; i < inputs.size(); ++i) {
      directions.push_back(at::empty_like(inputs[i]));
      fill_normal(directions[i], Rng(8).index(i), 0, 1);
      along += (gradient[i] * directions[i]).sum().item<double>();
    }
    const double h = 1e-6;
    const auto move = [&](double by) {
      for (size_t i = 0; i < inputs.size(); ++i) inputs[i].add_(directions[i], by);
    };
    move(h);
    const double plus = loss().item<double>();
    move(-2 * h);
    EXPECT_NEAR((plus - loss().item<double>()) / (2 * h) / along, 1, 1e-6) << family;
  }
}

/// By key, the most keys that write into a view with this key, counted from the untied layer: a key reaches the views
/// where a matrix of ones for it alone leaves a coefficient.
std::map<std::string, size_t> most_keys_beside(const WeightSpace& space) {
  const RoleTiedMap map(space, 1, 1);
  const CoefficientShape shape(map.plan(), 1, 1);
  std::map<std::string, std::set<int>> views_of;
  std::map<int, size_t> keys_into;
  for (const std::string& key : map.keys()) {
    const at::Tensor values = map.untied({{key, at::ones({1, 1, 1}, at::kDouble)}}).values;
    const auto read = values.accessor<double, 2>();
    for (const Term& term : map.plan().terms)
      if (read[0][shape.weight(term, 0, 0)] != 0) views_of[key].insert(term.out_view);
    for (const int view : views_of[key]) ++keys_into[view];
  }
  std::map<std::string, size_t> result;
  for (const auto& [key, views] : views_of)
    for (const int view : views) result[key] = std::max(result[key], keys_into[view]);
  return result;
}

TEST(RoleTiedMap, FreshCoefficientsFollowTheirLaw) {
  constexpr int64_t kIn = 16, kOut = 24;
  constexpr double kStandardErrors = 3;
  double n = 0, sum = 0, squares = 0, fourth = 0;
  uint64_t seed = 0;
  for (const Descriptions& tensors : {mlp(4), lstm(2, false)}) {
    const WeightSpace space(tensors);
    const auto most_keys = most_keys_beside(space);
    for (const auto& [key, value] : RoleTiedMap(space, kIn, kOut).initial_theta(Rng(++seed))) {
      if (key.starts_with("bias|")) {
        EXPECT_EQ(value.abs().max().item<double>(), 0) << key;
        continue;
      }
      const at::Tensor z = value * std::sqrt(static_cast<double>(kIn * most_keys.at(key)));  // N(0, 1)
      const auto count = static_cast<double>(z.numel());
      // One of 181 keys: five standard errors.
      EXPECT_NEAR(z.square().mean().item<double>(), 1, 5 * std::sqrt(2 / count)) << key;
      n += count;
      sum += z.sum().item<double>();
      squares += z.square().sum().item<double>();
      fourth += z.pow(4).sum().item<double>();
    }
  }
  const double error_of_std = 1 / std::sqrt(2 * n);  // relative
  ASSERT_LT(error_of_std, 0.01);
  EXPECT_NEAR(std::sqrt(squares / n), 1, kStandardErrors * error_of_std);
  EXPECT_NEAR(sum / n, 0, kStandardErrors / std::sqrt(n));
  EXPECT_NEAR(fourth / n, 3, kStandardErrors * std::sqrt(96 / n)) << "not normal";
}

}  // namespace
}  // namespace nfopt
