// Which theta a meta-training run calls its best.

#include <gtest/gtest.h>
#include <nfopt/runtime/io/safetensors.h>
#include <nfopt/runtime/meta/meta_evaluation.h>
#include <nfopt/runtime/meta/meta_train.h>
#include <nfopt/runtime/optimizers/make_update_rule.h>
#include <nfopt/runtime/optimizers/meta_parameters.h>
#include <nfopt/runtime/optimizers/rule_presets.h>
#include <nfopt/runtime/plugin/registry.h>
#include <torch/types.h>

#include <algorithm>

#include "tests/runtime/io/temporary_folder.h"
#include "tests/runtime/tasks/idx_writer.h"

namespace nfopt {
namespace {

using testing::TemporaryFolder;

// Outer steps so large that the held-out loss goes up and down. Every evaluation has a checkpoint, and all are kept.
// Losses of `late` count at the end only, those of `even` all alike: the score is another figure than the mean.
MetaTrainConfig restless(const TemporaryFolder& folder) {
  testing::write_tiny_data(folder / "data", 330, 100, 12);
  const std::string family = R"(
    particles: 2
    data: {name: fashion_mnist, folder: )" +
                             (folder / "data").string() + R"(, image_size: 4}
    architecture: {name: mlp, hidden: [6]}
    batch_size: 16
    horizon: 20
)";
  const std::string text = R"(name: restless
seed: 7
dtype: float64
plugins: [)" + std::filesystem::path(NFOPT_TEST_MLP).parent_path().string() +
                           R"(]
rule: per_parameter_mlp
families:
  late: )" + family + R"(
    loss_exponent: 4
  even: )" + family + R"(
estimator: {name: pes, window: 5, sigma: 0.05}
outer: {steps: 24, lr: 0.3, warmup_steps: 1}
evaluation: {every: 2, tasks: 3}
checkpoint: {every: 2, keep: 100}
)";
  return read_meta_train_config(parse_yaml(text, "restless.yaml"), "restless.yaml");
}

TEST(BestTheta, IsThatOfTheEvaluationWithTheLowestScore) {
  const TemporaryFolder folder;
  const MetaTrainConfig config = restless(folder);
  const auto communicator = make_communicator({});
  const MetaTrainResult result = meta_train(config, folder / "run", RunFolder::Mode::fresh, *communicator);

  // Every evaluation once more, from the theta of its checkpoint.
  const RuleFactory rules = [](const WeightSpacePtr& space) {
    return make_update_rule(rule_preset("per_parameter_mlp"), space);
  };
  std::vector<std::shared_ptr<const TaskFamily>> families;
  for (const TaskFamilyOptions& family : config.evaluation_families)
    families.push_back(std::make_shared<const TaskFamily>(family, Registry::global(), at::kDouble));
  MetaEvaluator::Options options;
  options.seed = static_cast<uint64_t>(config.evaluation_seed);
  options.tasks = config.evaluation_tasks;
  const MetaEvaluator evaluator(families, rules, options);
  std::vector<double> scores, means;
  std::vector<at::Tensor> thetas;
  const CheckpointFolder checkpoints(folder / "run" / "checkpoints", 100);
  ASSERT_EQ(checkpoints.steps().size(), 13u);
  for (const int64_t step : checkpoints.steps()) {
    thetas.push_back(*read_safetensors(checkpoints.file(step)).find("theta"));
    int64_t inner_steps = 0;
    const MetaEvaluation evaluation = evaluator.evaluate(thetas.back(), *communicator, inner_steps);
    scores.push_back(evaluation.score());
    means.push_back(evaluation.mean());
  }
  const auto place_of_lowest = [](const std::vector<double>& values) {
    return static_cast<size_t>(std::min_element(values.begin(), values.end()) - values.begin());
  };
  const size_t lowest = place_of_lowest(scores);
  ASSERT_NE(lowest, 0u) << "the start is best: choose a run that says something";
  ASSERT_NE(lowest, scores.size() - 1) << "the last is best: choose a run that says something";
  ASSERT_NE(lowest, place_of_lowest(means)) << "score and mean choose the same: choose a run that says something";

  EXPECT_EQ(result.best_step, checkpoints.steps()[lowest]);
  EXPECT_EQ(result.best.score(), scores[lowest]);
  EXPECT_EQ(result.start.score(), scores.front());
  EXPECT_EQ(result.last.score(), scores.back());
  const ThetaLayout layout(*rules(families.front()->task(Rng(0))->space()));
  const auto theta_of = [&](const char* name) {
    return layout.flatten(load_meta_parameters(folder / "run" / name).theta);
  };
  EXPECT_TRUE(at::equal(theta_of("theta-best.safetensors"), thetas[lowest]));
  EXPECT_TRUE(at::equal(theta_of("theta-last.safetensors"), thetas.back()));
}

}  // namespace
}  // namespace nfopt
