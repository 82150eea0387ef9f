#include <nfopt/nflayers/spec/text.h>
#include <nfopt/runtime/io/safetensors.h>
#include <nfopt/runtime/optimizers/make_update_rule.h>
#include <nfopt/runtime/optimizers/meta_parameters.h>
#include <unistd.h>

#include <filesystem>

#include "tests/runtime/optimizers/small_problem.h"

namespace nfopt {
namespace {

class MetaParametersFile : public ::testing::Test {
 protected:
  MetaParametersFile() : path_(std::filesystem::temp_directory_path() / ("nfopt-meta-" + std::to_string(::getpid()))) {}
  ~MetaParametersFile() override { std::filesystem::remove(path_); }

  MetaParameters meta(const std::string& preset = "unf") const {
    MetaParameters meta;
    meta.rule = rule_preset(preset);
    meta.space = small_space();
    meta.theta = random_theta(*make_update_rule(meta.rule, meta.space), Rng(1));
    meta.training = R"({"outer_steps": 50000})";
    meta.licence = "Apache-2.0";
    meta.seed = 18446744073709551615ULL;
    return meta;
  }
  /// Rewrites the file after a change that nfopt itself would never make.
  template <class Change>
  void damage(Change change) {
    save_meta_parameters(path_, meta());
    SafetensorsFile file = read_safetensors(path_);
    change(file);
    write_safetensors(path_, file);
  }

  std::filesystem::path path_;
};

TEST_F(MetaParametersFile, ComesBackBitForBit) {
  for (const std::string& preset : rule_preset_names()) {
    const MetaParameters saved = meta(preset);
    save_meta_parameters(path_, saved);
    const MetaParameters loaded = load_meta_parameters(path_);
    EXPECT_EQ(to_json(loaded.rule), to_json(saved.rule));
    EXPECT_EQ(to_text(*loaded.space), to_text(*saved.space));
    EXPECT_EQ(loaded.training, saved.training);
    EXPECT_EQ(loaded.licence, saved.licence);
    EXPECT_EQ(loaded.seed, saved.seed);
    EXPECT_FALSE(loaded.nfopt_version.empty());
    ASSERT_EQ(loaded.theta.size(), saved.theta.size());
    auto other = saved.theta.begin();
    for (const auto& [name, tensor] : loaded.theta) {
      EXPECT_EQ(name, other->first);
      EXPECT_TRUE(at::equal(tensor, (other++)->second)) << name;
    }
  }
}

TEST_F(MetaParametersFile, AnotherSpaceIsRefusedWithAllMismatches) {
  save_meta_parameters(path_, meta());
  std::vector<TensorDescription> tensors = small_space()->descriptions();
  tensors[3].name = "head.bias";
  tensors[2].axes = "[h, h]";  // four more terms
  tensors[2].shape = {4, 4};
  tensors[3].axes = "[h]";
  tensors[3].shape = {4};
  const auto other = std::make_shared<const WeightSpace>(tensors);
  expect_error([&] { load_rule(path_, other); },
               {path_.string(), "'L3.theta.head.bias' is missing", "'L3.bias.head.bias' is missing",
                "'L3.theta.fc2.bias' is unknown", "'L3.theta.fc2.weight': expected", "received [10, 32, 1]"});
}

TEST_F(MetaParametersFile, PerParameterNetworksFitEverySpace) {
  save_meta_parameters(path_, meta("per_parameter_mlp"));
  TensorDescription one;
  one.name = "w";
  one.shape = {2};
  one.axes = "[a]";
  const auto space = std::make_shared<const WeightSpace>(std::vector<TensorDescription>{one});
  EXPECT_EQ(load_rule(path_, space).theta.numel(), 2788);
}

TEST_F(MetaParametersFile, OrderOfTheFileDoesNotMatter) {
  damage([](SafetensorsFile& file) { std::reverse(file.tensors.begin(), file.tensors.end()); });
  const LoadedRule loaded = load_rule(path_, small_space());
  EXPECT_EQ(loaded.theta.begin()->first, "L0.w");
}

TEST_F(MetaParametersFile, DamageIsFound) {
  damage([](SafetensorsFile& file) { file.tensors[2].second.flatten()[0] += 1e-12; });
  expect_error([&] { load_meta_parameters(path_); }, {"checksum", path_.string()});
  damage([](SafetensorsFile& file) { file.metadata.erase("rule"); });
  expect_error([&] { load_meta_parameters(path_); }, {"'rule' is missing"});
  damage([](SafetensorsFile& file) { file.metadata["format"] = "pt"; });
  expect_error([&] { load_meta_parameters(path_); }, {"the format is 'pt'"});
  damage([](SafetensorsFile& file) { file.metadata["weight_space"] = "weight space 1\nnonsense"; });
  expect_error([&] { load_meta_parameters(path_); }, {path_.string()});
  damage([](SafetensorsFile& file) { file.metadata["seed"] = "x1"; });
  expect_error([&] { load_meta_parameters(path_); }, {"seed 'x1'"});
  damage([](SafetensorsFile& file) { file.metadata["rule"] = to_json(rule_preset("mlplopt")); });
  expect_error([&] { load_meta_parameters(path_); }, {"'L3.theta.fc1.weight' is unknown", "'L2.w': expected [32, 2]"});
}

TEST_F(MetaParametersFile, APopulationIsNotWritten) {
  MetaParameters population = meta();
  population.theta = random_theta(LearnedRule(population.rule, population.space), Rng(1), 2);
  expect_error([&] { save_meta_parameters(path_, population); }, {"has 2 members", "choose a member"});
  EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace nfopt
