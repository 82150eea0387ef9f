#include <nfopt/runtime/optimizers/average_meta_parameters.h>
#include <nfopt/runtime/optimizers/make_update_rule.h>

#include <nlohmann/json.hpp>

#include "tests/runtime/optimizers/small_problem.h"

namespace nfopt {
namespace {

WeightedMetaParameters entry(const std::string& name, const std::string& preset, uint64_t seed, double weight) {
  WeightedMetaParameters result{name, {}, weight};
  result.meta.rule = rule_preset(preset);
  result.meta.space = small_space();
  result.meta.theta = random_theta(*make_update_rule(result.meta.rule, result.meta.space), Rng(seed));
  result.meta.licence = "Apache-2.0";
  return result;
}

TEST(AverageMetaParameters, IsTheWeightedMeanOfEveryNumber) {
  const std::vector<WeightedMetaParameters> entries = {entry("a", "context", 1, 1), entry("b", "context", 2, 2)};
  const MetaParameters mean = average(entries);
  for (const auto& [name, tensor] : mean.theta) {
    const at::Tensor expected =
        (entries[0].meta.theta.at(name).to(at::kDouble) + 2 * entries[1].meta.theta.at(name).to(at::kDouble)) / 3;
    EXPECT_EQ(tensor.scalar_type(), entries[0].meta.theta.at(name).scalar_type());
    EXPECT_TRUE(at::allclose(tensor.to(at::kDouble), expected, 1e-6, 1e-8)) << name;
  }
  EXPECT_EQ(to_json(mean.rule), to_json(entries[0].meta.rule));
}

TEST(AverageMetaParameters, RecordsWhatItIsTheMeanOf) {
  std::vector<WeightedMetaParameters> entries = {entry("a", "context", 1, 1), entry("b", "context", 2, 3)};
  entries[0].meta.training = R"({"name":"first"})";
  entries[1].meta.training = "by hand";
  const auto record = nlohmann::json::parse(average(entries).training).at("mean_of");
  EXPECT_EQ(record[0].at("training").at("name"), "first");
  EXPECT_EQ(record[1].at("training"), "by hand");
  EXPECT_EQ(record[1].at("name"), "b");
  EXPECT_EQ(record[1].at("weight"), 0.75);
}

TEST(AverageMetaParameters, NamesAllThatHasNoAverage) {
  std::vector<WeightedMetaParameters> entries = {
      entry("a", "context", 1, 1), entry("other rule", "unf", 2, 1), entry("no weight", "context", 3, 0),
      entry("constants", "context", 4, 1), entry("licence", "context", 5, 1)};
  entries[3].meta.rule.context->clip = 2;
  entries[4].meta.licence = "none";
  expect_error([&] { average(entries); }, {"'other rule'", "received 'unf'", "'no weight'", "a positive weight",
                                           "'constants'", "with others", "'licence'", "received 'none'"});
  entries.resize(1);
  expect_error([&] { average(entries); }, {"at least two", "received 1"});
}

}  // namespace
}  // namespace nfopt
