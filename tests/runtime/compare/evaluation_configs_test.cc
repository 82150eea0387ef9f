// The evaluations that are shipped read without problems, and say what the documentation says of them.

#include <gtest/gtest.h>
#include <nfopt/runtime/compare/compare_task.h>
#include <nfopt/runtime/compare/sweep.h>

#include <filesystem>
#include <set>

namespace nfopt {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(NFOPT_CONFIGS) / "evaluation";

struct Shipped {
  explicit Shipped(const std::string& name)
      : file((kFolder / name).string()),
        document(load_config(file, {})),
        config(read_compare_config(document, file)),
        tasks(tasks_of(config, document, file, "out")) {}
  std::string file;
  YamlValue document;
  CompareConfig config;
  std::vector<CompareTask> tasks;
};

TEST(EvaluationConfigs, AllOfThemRead) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    EXPECT_NO_THROW(Shipped(entry.path().filename().string())) << entry.path();
    ++count;
  }
  EXPECT_GE(count, 2u);
}

TEST(EvaluationConfigs, UnfHasFifteenRatesTwoSchedulesAndFiveSeeds) {
  const Shipped unf("unf_fashion_mlp.yaml");
  EXPECT_EQ(unf.config.seeds.size(), 5u);
  EXPECT_EQ(settings_of(*unf.config.sweep, {}, unf.document, unf.file).size(), 30u);
  EXPECT_EQ(config_of_run(unf.document, unf.file, "learned", 0).steps, 2000);
}

TEST(EvaluationConfigs, TheSuiteHasUnseenArchitecturesAndOneRateOfTheHeldInTasks) {
  const Shipped suite("context_suite.yaml");
  EXPECT_EQ(suite.config.one_rate_of, "held_in");
  std::set<std::string> groups, architectures;
  for (const CompareTask& task : suite.tasks) {
    const TrainConfig config = config_of_run(task.document, task.file, "learned", 0);
    EXPECT_EQ(config.optimizer.rule, "context") << "the suite's presets lie on top of a task's own config";
    groups.insert(task.group);
    if (task.group == "unseen") architectures.insert(config.architecture);
  }
  EXPECT_EQ(groups, (std::set<std::string>{"held_in", "unseen"}));
  EXPECT_EQ(architectures, (std::set<std::string>{"cnn", "mlp", "rnn"}));
}

}  // namespace
}  // namespace nfopt
