#include <gtest/gtest.h>
#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/layers/role_tied_linear.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt {
namespace {

using testing::described_spaces;
using Tensors = std::vector<at::Tensor>;
using Descriptions = std::vector<TensorDescription>;

TensorDescription described(std::string name, std::vector<int64_t> shape, std::string axes, Role role,
                            std::string block) {
  TensorDescription t = testing::tensor(std::move(name), std::move(shape), std::move(axes));
  t.role = role;
  t.block = std::move(block);
  return t;
}

Descriptions mlp(int layers, int64_t width = 3) {
  Descriptions tensors;
  const auto label = [&](int k) {
    return k == 0 ? std::string("~in") : k == layers ? std::string("~out") : "h" + std::to_string(k);
  };
  for (int k = 0; k < layers; ++k) {
    const std::string block = "fc" + std::to_string(k), out = label(k + 1);
    tensors.push_back(described(block + ".w", {width, width}, "[" + out + ", " + label(k) + "]", Role::weight, block));
    tensors.push_back(described(block + ".b", {width}, "[" + out + "]", Role::bias, block));
  }
  return tensors;
}

Descriptions cnn(int layers) {
  Descriptions tensors;
  for (int k = 0; k < layers; ++k) {
    const std::string block = "conv" + std::to_string(k), out = "c" + std::to_string(k + 1);
    const std::string in = k == 0 ? "~rgb" : "c" + std::to_string(k);
    tensors.push_back(described(block + ".w", {3, 3, 2, 2}, "[" + out + ", " + in + ", *, *]", Role::weight, block));
    tensors.push_back(described(block + ".b", {3}, "[" + out + "]", Role::bias, block));
  }
  tensors.push_back(described("fc.w", {2, 3}, "[~cls, c" + std::to_string(layers) + "]", Role::weight, "fc"));
  tensors.push_back(described("fc.b", {2}, "[~cls]", Role::bias, "fc"));
  return tensors;
}

Descriptions resnet(const std::vector<int>& stages) {
  Descriptions tensors;
  const auto conv = [&](const std::string& name, const std::string& block, const std::string& out,
                        const std::string& in) {
    tensors.push_back(described(name + ".w", {2, 2, 2, 2}, "[" + out + ", " + in + ", *, *]", Role::weight, block));
    tensors.push_back(described(name + ".g", {2}, "[" + out + "]", Role::scale, block));
    tensors.push_back(described(name + ".b", {2}, "[" + out + "]", Role::bias, block));
  };
  conv("stem", "stem", "r0", "~rgb");
  std::string stream = "r0";
  for (size_t s = 0; s < stages.size(); ++s) {
    for (int b = 0; b < stages[s]; ++b) {
      const std::string id = std::to_string(s) + "_" + std::to_string(b), block = "layer" + id;
      const std::string to = "r" + std::to_string(s), from = b == 0 ? stream : to, inner = "i" + id;
      conv(block + ".conv1", block, inner, from);
      conv(block + ".conv2", block, to, inner);
      if (from != to) conv(block + ".down", block, to, from);
    }
    stream = "r" + std::to_string(s);
  }
  tensors.push_back(described("fc.w", {3, 2}, "[~out, " + stream + "]", Role::weight, "fc"));
  tensors.push_back(described("fc.b", {3}, "[~out]", Role::bias, "fc"));
  return tensors;
}

Descriptions gpt(int layers) {
  Descriptions tensors;
  const auto norm = [&](const std::string& name, const std::string& block) {
    tensors.push_back(described(name + ".w", {3}, "[d]", Role::scale, block));
    tensors.push_back(described(name + ".b", {3}, "[d]", Role::bias, block));
  };
  tensors.push_back(described("wte", {5, 3}, "[~voc, d]", Role::table, "wte"));
  tensors.back().tied = {"lm_head.weight"};
  tensors.push_back(described("wpe", {4, 3}, "[~pos, d]", Role::table, "wpe"));
  for (int l = 0; l < layers; ++l) {
    const std::string i = std::to_string(l), block = "h" + i;
    const std::string qk = "[h" + i + "=2, qk" + i + "@h" + i + "=2]", v = "[h" + i + ", v" + i + "@h" + i + "=2]";
    const auto linear = [&](const std::string& name, int64_t rows, int64_t columns, const std::string& out,
                            const std::string& in) {
      tensors.push_back(
          described(block + name + ".w", {rows, columns}, "[" + out + ", " + in + "]", Role::weight, block));
      tensors.push_back(described(block + name + ".b", {rows}, "[" + out + "]", Role::bias, block));
    };
    norm(block + ".ln1", block);
    linear(".q", 4, 3, qk, "d");
    linear(".k", 4, 3, qk, "d");
    linear(".v", 4, 3, v, "d");
    linear(".o", 3, 4, "d", v);
    norm(block + ".ln2", block);
    linear(".up", 5, 3, "f" + i, "d");
    linear(".down", 3, 5, "d", "f" + i);
  }
  norm("ln_f", "ln_f");
  return tensors;
}

Descriptions lstm(int layers, bool both_directions) {
  Descriptions tensors;
  const std::vector<std::string> directions =
      both_directions ? std::vector<std::string>{"f", "b"} : std::vector<std::string>{"f"};
  const auto width = static_cast<int64_t>(2 * directions.size());
  std::string below = "~in=3";
  int64_t columns = 3;
  for (int l = 0; l < layers; ++l) {
    std::string outputs;
    for (const std::string& direction : directions) {
      const std::string h = direction + std::to_string(l), block = "l" + h;
      tensors.push_back(
          described(block + ".ih", {8, columns}, "[[*4, " + h + "=2], " + below + "]", Role::weight, block));
      tensors.push_back(described(block + ".hh", {8, 2}, "[[*4, " + h + "], " + h + "]", Role::weight, block));
      for (const char* name : {".bih", ".bhh"})
        tensors.push_back(described(block + name, {8}, "[[*4, " + h + "]]", Role::bias, block));
      outputs += (outputs.empty() ? "" : "|") + h;
    }
    below = outputs;
    columns = width;
  }
  tensors.push_back(described("fc.w", {3, columns}, "[~out, " + below + "]", Role::weight, "fc"));
  tensors.push_back(described("fc.b", {3}, "[~out]", Role::bias, "fc"));
  return tensors;
}

Tensors random_features(const WeightSpace& space, int64_t members, int64_t batch, int64_t channels) {
  Tensors x;
  for (const Tensor& t : space.tensors()) {
    std::vector<int64_t> sizes = {members, batch, channels};
    sizes.insert(sizes.end(), t.shape.begin(), t.shape.end());
    x.push_back(at::empty(sizes, at::kDouble));
    fill_normal(x.back(), Rng(5).purpose(t.name), 0, 1);
  }
  return x;
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

double largest_difference(const Tensors& a, const Tensors& b) {
  double largest = 0, scale = 1;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, (a[i] - b[i]).abs().max().item<double>());
    scale = std::max(scale, a[i].abs().max().item<double>());
  }
  return largest / scale;
}

TEST(RoleTiedMap, EqualsItsUntiedExpansion) {
  std::vector<std::pair<std::string, Descriptions>> cases = {
      {"mlp", mlp(3)}, {"resnet", resnet({2, 2})}, {"gpt", gpt(2)}, {"lstm", lstm(2, true)}};
  for (const auto& [name, tensors] : described_spaces()) cases.emplace_back(name, tensors);
  for (const auto& [name, tensors] : cases) {
    const WeightSpace space(tensors);
    const RoleTiedMap map(space, 2, 3);
    const RoleTiedTheta theta = random_theta(map);
    const Tensors x = random_features(space, 2, 1, 2);
    EXPECT_LE(largest_difference(map(theta, x), aten::apply(map.plan(), map.untied(theta), x)), 1e-12) << name;
  }
}

TEST(RoleTiedMap, CommutesWithTheLayerGroupOfEveryDescribedSpace) {
  for (const auto& [name, tensors] : described_spaces()) {
    const WeightSpace space(tensors);
    const RoleTiedMap map(space, 2, 2);
    const RoleTiedTheta theta = random_theta(map);
    const Tensors x = random_features(space, 1, 1, 2);
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

TEST(RoleTiedMap, NamesOfLabelsAndOrderOfTensorsDoNotMatter) {
  const WeightSpace space(gpt(2));
  Descriptions changed = gpt(2);
  for (TensorDescription& t : changed) {
    std::string renamed;
    for (const char c : t.axes)
      renamed += c == 'd' ? std::string("stream") : c == 'f' ? std::string("hid") : std::string(1, c);
    t.axes = renamed;
    t.name = "model." + t.name;
    t.block = "model." + t.block;
  }
  std::vector<size_t> order;  // new position -> old
  for (size_t i = 0; i < changed.size(); ++i) order.push_back((i * 5 + 3) % changed.size());
  Descriptions shuffled;
  for (const size_t i : order) shuffled.push_back(changed[i]);
  const RoleTiedMap map(space, 2, 2), other(WeightSpace(shuffled), 2, 2);
  ASSERT_EQ(map.keys(), other.keys());
  const RoleTiedTheta theta = random_theta(map);
  const Tensors x = random_features(space, 1, 2, 2);
  Tensors moved, expected;
  const Tensors y = map(theta, x);
  for (const size_t i : order) {
    moved.push_back(x[i]);
    expected.push_back(y[i]);
  }
  EXPECT_LE(largest_difference(expected, other(theta, moved)), 1e-12);
}

TEST(RoleTiedMap, MembersHaveTheirOwnCoefficients) {
  const WeightSpace space(mlp(3));
  const RoleTiedMap map(space, 2, 2);
  const RoleTiedTheta theta = random_theta(map, 3);
  const Tensors x = random_features(space, 3, 2, 2), all = map(theta, x);
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
  const WeightSpace space(cnn(2));
  const RoleTiedMap map(space, 2, 2);
  RoleTiedTheta theta = random_theta(map);
  Tensors x = random_features(space, 1, 2, 2), inputs, directions;
  for (auto& [key, value] : theta) inputs.push_back(value.requires_grad_());
  for (at::Tensor& t : x) inputs.push_back(t.requires_grad_());
  const auto loss = [&] {
    at::Tensor sum = at::zeros({}, at::kDouble);
    for (const at::Tensor& y : map(theta, x)) sum = sum + (y * y).sum();
    return sum;
  };
  const auto gradient = torch::autograd::grad({loss()}, inputs);
  torch::NoGradGuard no_grad;
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
  EXPECT_NEAR((plus - loss().item<double>()) / (2 * h) / along, 1, 1e-6);
}

TEST(RoleTiedMap, FreshCoefficientsHaveTheVarianceOfTheirFanIn) {
  const RoleTiedMap map(WeightSpace(mlp(4)), 24, 24);
  std::map<std::string, double> deviations;
  for (const auto& [key, value] : map.initial_theta(Rng(1))) deviations[key] = value.std().item<double>();
  EXPECT_EQ(deviations.at("bias|weight"), 0);
  // A bias reads itself; weights of an inner layer have the most keys, at most all of those that write weights.
  size_t into_weights = 0;
  for (const std::string& key : map.keys()) into_weights += key.starts_with("weight<");
  const double deviation = deviations.at("weight<weight|self|i:i,o:o|keep");
  EXPECT_LE(deviation, 1 / std::sqrt(24.0) * 0.5);
  EXPECT_GE(deviation, 1 / std::sqrt(24.0 * static_cast<double>(into_weights)) * 0.8);
}

TEST(RoleTiedLinear, OneThetaRunsOnAnotherArchitecture) {
  const auto mlp_space = std::make_shared<const WeightSpace>(mlp(3));
  const auto cnn_space = std::make_shared<const WeightSpace>(cnn(3));
  RoleTiedLinear trained(RoleTiedLinearOptions(mlp_space, 2, 2).seed(3));
  RoleTiedLinear other(RoleTiedLinearOptions(cnn_space, 2, 2));
  other->load_dictionary(trained->dictionary());
  EXPECT_FALSE(other->untrained_keys().empty());
  EXPECT_LT(other->untrained_keys().size(), other->map().keys().size());
  const std::string text = other->describe();
  for (const std::string& key : other->untrained_keys()) {
    EXPECT_NE(text.find(key), std::string::npos);
    EXPECT_EQ(trained->named_parameters().find(key), nullptr);
    EXPECT_EQ(other->named_parameters()[key].abs().max().item<double>(), 0);
  }
  other->to(torch::kDouble);
  for (const at::Tensor& y : other->forward(random_features(*cnn_space, 1, 1, 2)))
    EXPECT_TRUE(y.isfinite().all().item<bool>());
  // And back: nothing was lost on the way.
  RoleTiedLinear back(RoleTiedLinearOptions(mlp_space, 2, 2).seed(4));
  back->load_dictionary(other->dictionary());
  EXPECT_TRUE(back->untrained_keys().empty());
  for (const auto& item : trained->named_parameters())
    EXPECT_TRUE(at::equal(item.value(), back->named_parameters()[item.key()])) << item.key();
}

TEST(RoleTiedLinear, ClonesAndArchivesKeepTheirCoefficients) {
  const auto space = std::make_shared<const WeightSpace>(mlp(2));
  RoleTiedLinear layer(RoleTiedLinearOptions(space, 2, 2).seed(3)), loaded(RoleTiedLinearOptions(space, 2, 2).seed(4));
  std::stringstream file;
  torch::save(layer, file);
  torch::load(loaded, file);
  const auto clone = std::dynamic_pointer_cast<RoleTiedLinearImpl>(layer->clone());
  for (const auto& item : layer->named_parameters()) {
    EXPECT_TRUE(at::equal(item.value(), loaded->named_parameters()[item.key()])) << item.key();
    EXPECT_TRUE(at::equal(item.value(), clone->named_parameters()[item.key()])) << item.key();
  }
}

TEST(RoleTiedLinear, OtherChannelsAreRefusedWithAllMismatches) {
  const auto space = std::make_shared<const WeightSpace>(mlp(2));
  RoleTiedLinear layer(RoleTiedLinearOptions(space, 2, 2)), wide(RoleTiedLinearOptions(space, 3, 2));
  const auto before = layer->dictionary();
  try {
    layer->load_dictionary(wide->dictionary());
    ADD_FAILURE() << "expected an Error";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("weight<weight|self|"), std::string::npos) << e.what();
  }
  for (const auto& [key, value] : layer->dictionary()) EXPECT_TRUE(at::equal(value, before.at(key)));
  EXPECT_THROW(layer->forward({}), Error);
}

}  // namespace
}  // namespace nfopt
