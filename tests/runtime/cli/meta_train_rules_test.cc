// What a crash or a second process may not change, for every kind of rule: each has a state of its own in the checkpoint.

#include "tests/runtime/cli/tiny_meta_task.h"

namespace nfopt {
namespace {

namespace fs = std::filesystem;
using testing::Command;
using testing::Outcome;
using testing::text_of;

class MetaTrainRule : public testing::TinyMetaTask, public ::testing::WithParamInterface<const char*> {
 protected:
  // `unf` has other meta-parameters for every depth: widths vary for all, the depth for those that can.
  std::vector<std::string> of_rule(std::vector<std::string> more = {}) const {
    more.insert(more.end(), {"--set", "rule=" + std::string(GetParam())});
    if (std::string(GetParam()) == "unf")
      more.insert(more.end(), {"--set", "families.mixed.draw.hidden={from: 4, to: 8, count: [1, 1]}"});
    return more;
  }
};
INSTANTIATE_TEST_SUITE_P(Rules, MetaTrainRule, ::testing::Values("context", "unf"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(MetaTrainRule, KilledAndResumedItHasTheBitsOfARunThatWasNot) {
  ASSERT_EQ(run("whole", of_rule()).status, 0);
  const Outcome killed =
      Command(arguments("killed", of_rule())).run_until([&] { return fs::exists(checkpoint("killed", 15)); }, SIGKILL);
  EXPECT_EQ(killed.signal, SIGKILL) << "the run ended before it could be killed: " << killed.err;
  const Outcome resumed = run("killed", of_rule({"--resume"}));
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  expect_same_run("whole", "killed");
  EXPECT_EQ(text_of(checkpoint("whole", kSteps)), text_of(checkpoint("killed", kSteps))) << "metadata included";
}

TEST_P(MetaTrainRule, OnTwoRanksItHasTheBitsOfOne) {
  ASSERT_EQ(run("one", of_rule()).status, 0);
  Pair pair = two_ranks("two", of_rule());
  run(pair);
  ASSERT_EQ(pair.first.status, 0) << pair.first.err;
  ASSERT_EQ(pair.second.status, 0) << pair.second.err;
  expect_same_run("one", "two");
}

}  // namespace
}  // namespace nfopt
