// nfopt meta-train in several processes: what lost ranks, signals and disagreement do to a run.

#include <chrono>

#include "tests/runtime/cli/tiny_meta_task.h"

namespace nfopt {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::Outcome;
using testing::text_of;

class MetaTrainRanks : public testing::TinyMetaTask {
 protected:
  /// How `other` ends, within seconds, when `victim` is killed in the middle of the run "lost".
  Outcome other_after_kill(testing::Command& victim, testing::Command& other) {
    other.start();
    const Outcome killed = victim.run_until([&] { return fs::exists(checkpoint("lost", 15)); }, SIGKILL);
    EXPECT_EQ(killed.signal, SIGKILL) << "the run ended before it could be killed: " << killed.err;
    const auto begin = std::chrono::steady_clock::now();
    const Outcome left = other.wait();
    EXPECT_LE(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), 4.0);
    return left;
  }
};

TEST_F(MetaTrainRanks, TwoRanksEqualOneBitForBit) {
  ASSERT_EQ(run("one").status, 0);
  Pair pair = two_ranks("two");
  run(pair);
  ASSERT_EQ(pair.first.status, 0) << pair.first.err;
  ASSERT_EQ(pair.second.status, 0) << pair.second.err;
  expect_same_run("one", "two");
  EXPECT_EQ(pair.second.out, "") << "rank 0 speaks for all";
  EXPECT_TRUE(contains(text_of(folder_ / "two" / "summary.json"), "\"ranks\": 2"));
}

TEST_F(MetaTrainRanks, AKilledRankEndsTheRunInTimeAndLeavesACheckpointForAnyNumberOfRanks) {
  ASSERT_EQ(run("whole").status, 0);
  Pair pair = two_ranks("lost", {"--set", "ranks.timeout=1.5"});
  const Outcome left = other_after_kill(pair.one, pair.zero);
  expect_refused(left, "rank 1 of 2 gives no sign of life since 1.5 s");
  EXPECT_TRUE(contains(left.err, "The last checkpoint is outer step ")) << left.err;
  EXPECT_TRUE(contains(left.err, "--resume")) << left.err;
  EXPECT_FALSE(fs::exists(checkpoint("lost", kSteps)));

  const Outcome resumed = run("lost", {"--resume"});
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  expect_same_run("whole", "lost");
}

// It holds the store and the run's folder: the others have nobody to ask.
TEST_F(MetaTrainRanks, AKilledRankZeroEndsTheOthersInTimeAndLeavesACheckpoint) {
  ASSERT_EQ(run("whole").status, 0);
  Pair pair = two_ranks("lost", {"--set", "ranks.timeout=1.5"});
  const Outcome left = other_after_kill(pair.zero, pair.one);
  expect_refused(left, "rank 0");
  EXPECT_TRUE(contains(left.err, "continue with --resume from the last checkpoint of rank 0's folder")) << left.err;
  EXPECT_FALSE(fs::exists(checkpoint("lost", kSteps)));

  Pair again = two_ranks("lost", {"--resume"});
  run(again);
  ASSERT_EQ(again.first.status, 0) << again.first.err;
  expect_same_run("whole", "lost");
}

TEST_F(MetaTrainRanks, ASignalToOneRankStopsAllAfterTheSameStep) {
  ASSERT_EQ(run("whole").status, 0);
  Pair pair = two_ranks("stopped");
  pair.zero.start();
  pair.second = pair.one.run_until([&] { return fs::exists(checkpoint("stopped", 10)); }, SIGTERM);
  pair.first = pair.zero.wait();
  EXPECT_EQ(pair.first.status, 143) << pair.first.err;
  EXPECT_EQ(pair.second.status, 143) << pair.second.err;
  Pair again = two_ranks("stopped", {"--resume"});
  run(again);
  ASSERT_EQ(again.first.status, 0) << again.first.err;
  expect_same_run("whole", "stopped");
}

TEST_F(MetaTrainRanks, RanksWithDifferentWorkAreRefused) {
  Pair pair(arguments("different", {"--set", "estimator.sigma=0.02"}),
            arguments("different", {"--set", "estimator.sigma=0.03"}));
  run(pair);
  for (const Outcome& outcome : {pair.first, pair.second}) {
    expect_refused(outcome, "the ranks do not do the same");
    EXPECT_TRUE(contains(outcome.err, "estimator.sigma (0.02, now 0.03)")) << outcome.err;
  }
  EXPECT_FALSE(fs::exists(folder_ / "different"));
}

TEST_F(MetaTrainRanks, AnErrorOfRankZeroReachesTheOthers) {
  ASSERT_EQ(run("run", {"--set", "outer.steps=5"}).status, 0);
  Pair pair = two_ranks("run", {"--set", "outer.steps=5"});
  run(pair);
  expect_refused(pair.first, "is not empty: it holds a run");
  expect_refused(pair.second, "rank 0 of 2 has left: [run] ");
}

}  // namespace
}  // namespace nfopt
