// One dictionary of role-tied coefficients on several architectures, in memory and in files.

#include <gtest/gtest.h>
#include <nfopt/nflayers/layers/role_tied_linear.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include <map>
#include <set>
#include <sstream>

#include "tests/errors.h"
#include "tests/nflayers/layers/layer_zoo.h"
#include "tests/nflayers/layers/network_families.h"

namespace nfopt {
namespace {

using namespace testing;
using Tensors = std::vector<at::Tensor>;

Tensors doubles(const WeightSpace& space, int64_t members, int64_t batch, int64_t channels) {
  return random_features(space, members, batch, channels, at::kDouble, Rng(5));
}

WeightSpacePtr shared(const Descriptions& tensors) { return std::make_shared<const WeightSpace>(tensors); }

void expect_equal(const std::map<std::string, at::Tensor>& a, const std::map<std::string, at::Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [key, value] : a) {
    ASSERT_TRUE(b.contains(key)) << key;
    EXPECT_TRUE(at::equal(value, b.at(key))) << key;
  }
}

template <class Module>
std::stringstream archive_of(const Module& module) {
  std::stringstream file;
  torch::save(module, file);
  return file;
}

TEST(RoleTiedLinear, OneThetaRunsOnAnotherArchitecture) {
  const auto gpt_space = std::make_shared<const WeightSpace>(gpt(2));
  const auto cnn_space = std::make_shared<const WeightSpace>(cnn(3));
  RoleTiedLinear trained(RoleTiedLinearOptions(gpt_space, 2, 2).seed(3));
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
  for (const at::Tensor& y : other->forward(doubles(*cnn_space, 1, 1, 2))) EXPECT_TRUE(y.isfinite().all().item<bool>());
  // And back: nothing was lost on the way.
  RoleTiedLinear back(RoleTiedLinearOptions(gpt_space, 2, 2).seed(4));
  back->load_dictionary(other->dictionary());
  EXPECT_TRUE(back->untrained_keys().empty());
  for (const auto& item : trained->named_parameters())
    EXPECT_TRUE(at::equal(item.value(), back->named_parameters()[item.key()])) << item.key();
}

TEST(RoleTiedLinear, ClonesAndArchivesKeepTheirCoefficients) {
  const auto space = shared(mlp(2));
  RoleTiedLinear layer(RoleTiedLinearOptions(space, 2, 2).seed(3)), loaded(RoleTiedLinearOptions(space, 2, 2).seed(4));
  std::stringstream file = archive_of(layer);
  torch::load(loaded, file);
  const auto clone = std::dynamic_pointer_cast<RoleTiedLinearImpl>(layer->clone());
  expect_equal(layer->dictionary(), loaded->dictionary());
  expect_equal(layer->dictionary(), clone->dictionary());
  for (const auto& item : loaded->named_parameters()) EXPECT_TRUE(item.value().requires_grad()) << item.key();
}

TEST(RoleTiedLinear, ClonesAndArchivesKeepForeignAndUntrainedKeys) {
  const auto cnn_space = shared(cnn(3));
  RoleTiedLinear trained(RoleTiedLinearOptions(shared(gpt(2)), 2, 2).seed(3)),
      layer(RoleTiedLinearOptions(cnn_space, 2, 2)), loaded(RoleTiedLinearOptions(cnn_space, 2, 2));
  layer->load_dictionary(trained->dictionary());
  ASSERT_FALSE(layer->untrained_keys().empty());
  ASSERT_TRUE(contains(layer->describe(), "more of other architectures")) << layer->describe();
  std::stringstream file = archive_of(layer);
  torch::load(loaded, file);
  const auto clone = std::dynamic_pointer_cast<RoleTiedLinearImpl>(layer->clone());
  for (const RoleTiedLinearImpl* copy : {loaded.ptr().get(), clone.get()}) {
    EXPECT_EQ(layer->describe(), copy->describe());
    EXPECT_EQ(layer->untrained_keys(), copy->untrained_keys());
    expect_equal(layer->dictionary(), copy->dictionary());
  }
}

TEST(RoleTiedLinear, AnArchiveOfAnotherArchitectureLoadsAsItsDictionary) {
  const auto cnn_space = shared(cnn(3));
  RoleTiedLinear trained(RoleTiedLinearOptions(shared(gpt(2)), 2, 2).seed(3)),
      by_key(RoleTiedLinearOptions(cnn_space, 2, 2)), from_file(RoleTiedLinearOptions(cnn_space, 2, 2));
  by_key->load_dictionary(trained->dictionary());
  std::stringstream file = archive_of(trained);
  torch::load(from_file, file);
  EXPECT_EQ(by_key->describe(), from_file->describe());
  expect_equal(by_key->dictionary(), from_file->dictionary());

  std::stringstream other = archive_of(torch::nn::Linear(2, 2));
  expect_error([&] { torch::load(from_file, other); }, {"no RoleTiedLinear"});
  expect_equal(by_key->dictionary(), from_file->dictionary());
}

TEST(RoleTiedLinear, AKeyIsUntrainedUntilItIsTrained) {
  RoleTiedLinear trained(RoleTiedLinearOptions(shared(mlp(3)), 2, 2)),
      layer(RoleTiedLinearOptions(shared(cnn(3)), 2, 2));
  layer->load_dictionary(trained->dictionary());
  const std::vector<std::string> before = layer->untrained_keys();
  ASSERT_GT(before.size(), 1u);
  EXPECT_FALSE(layer->dictionary().contains(before.front())) << "another layer would take zero for its trained value";
  {
    const torch::NoGradGuard guard;
    layer->named_parameters()[before.front()].fill_(0.5);
  }
  EXPECT_EQ(layer->untrained_keys(), std::vector<std::string>(before.begin() + 1, before.end()));
  EXPECT_TRUE(layer->dictionary().contains(before.front()));
}

TEST(RoleTiedLinear, RunsOnAnySpaceAsTheLayerOfThatSpaceDoes) {
  const auto gpt_space = shared(gpt(2)), cnn_space = shared(cnn(3));
  RoleTiedLinear layer(RoleTiedLinearOptions(gpt_space, 2, 2).seed(3)), other(RoleTiedLinearOptions(cnn_space, 2, 2));
  other->load_dictionary(layer->dictionary());
  layer->to(torch::kDouble);
  other->to(torch::kDouble);
  const Tensors x = doubles(*cnn_space, 1, 2, 2), y = doubles(*gpt_space, 1, 2, 2);
  EXPECT_LE(largest_difference(other->forward(x), layer->on(cnn_space, x)), 1e-12);
  EXPECT_EQ(layer->untrained_keys(cnn_space), other->untrained_keys());
  EXPECT_TRUE(layer->untrained_keys(gpt_space).empty());
  // The other layer has the keys that only transformers have from the dictionary, not as parameters.
  EXPECT_LE(largest_difference(layer->forward(y), other->on(gpt_space, y)), 1e-12);
}

TEST(RoleTiedLinear, OwnsTheKeysOfFurtherArchitectures) {
  const auto mlp_space = shared(mlp(3)), cnn_space = shared(cnn(3)), gpt_space = shared(gpt(2));
  const RoleTiedMap on_mlp(*mlp_space, 2, 2), on_cnn(*cnn_space, 2, 2), on_gpt(*gpt_space, 2, 2);
  RoleTiedLinear layer(RoleTiedLinearOptions(mlp_space, 2, 2).also({cnn_space, gpt_space}).seed(3));
  std::set<std::string> keys;
  std::map<std::string, double> smallest;  // deviation of fresh coefficients
  for (const RoleTiedMap* map : {&on_mlp, &on_cnn, &on_gpt})
    for (const auto& [key, value] : map->initial_theta(Rng(3))) {
      keys.insert(key);
      const double deviation = value.norm().item<double>();
      const auto [found, is_new] = smallest.try_emplace(key, deviation);
      if (!is_new) found->second = std::min(found->second, deviation);
    }
  EXPECT_GT(keys.size(), on_gpt.keys().size() + on_gpt.bias_keys().size());
  const auto parameters = layer->named_parameters();
  ASSERT_EQ(parameters.size(), keys.size());
  for (const auto& item : parameters)
    EXPECT_NEAR(item.value().norm().item<double>(), smallest.at(item.key()), 1e-5) << item.key();
  for (const auto& space : {mlp_space, cnn_space, gpt_space}) EXPECT_TRUE(layer->untrained_keys(space).empty());
}

TEST(RoleTiedLinear, OtherChannelsAreRefusedWithAllMismatches) {
  const auto space = std::make_shared<const WeightSpace>(mlp(2));
  RoleTiedLinear layer(RoleTiedLinearOptions(space, 2, 2)), wide(RoleTiedLinearOptions(space, 3, 2));
  const auto before = layer->dictionary();
  expect_error([&] { layer->load_dictionary(wide->dictionary()); },
               {"'bias<weight|block|o:o|mean': expected [2, 2], received [3, 2]"});
  for (const auto& [key, value] : layer->dictionary()) EXPECT_TRUE(at::equal(value, before.at(key)));
  EXPECT_THROW(layer->forward({}), Error);
}

}  // namespace
}  // namespace nfopt
