// nfopt zoo on a tiny data set: what a user can do to it.

#include <gtest/gtest.h>
#include <nfopt/runtime/zoo/zoo.h>

#include <map>

#include "tests/errors.h"
#include "tests/runtime/cli/command.h"
#include "tests/runtime/tasks/idx_writer.h"
#include "tests/runtime/zoo/small_zoo.h"

namespace nfopt {
namespace {

namespace fs = std::filesystem;
using testing::Command;
using testing::contains;
using testing::Outcome;
using testing::TemporaryFolder;
using testing::text_of;

class ZooCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::write_tiny_data(folder_ / "data", 330, 100, 12);
    testing::write_text(config_, testing::small_zoo_text(folder_ / "data"));
  }
  std::vector<std::string> arguments(const std::string& out, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = {"zoo", config_.string(), "--out", (folder_ / out).string()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Outcome run(const std::string& out, const std::vector<std::string>& more = {}) const {
    return Command(arguments(out, more)).run();
  }
  size_t shards(const std::string& out) const {
    std::error_code code;
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(folder_ / out / "shards", code))
      count += entry.path().extension() == ".safetensors" ? 1 : 0;
    return count;
  }
  void expect_same_zoo(const std::string& a, const std::string& b) const {
    EXPECT_EQ(text_of(folder_ / a / "networks.json"), text_of(folder_ / b / "networks.json"));
    for (const auto& entry : fs::directory_iterator(folder_ / a / "shards"))
      EXPECT_TRUE(text_of(entry.path()) == text_of(folder_ / b / "shards" / entry.path().filename())) << entry.path();
    EXPECT_EQ(shards(a), shards(b));
  }

  TemporaryFolder folder_;
  fs::path config_ = folder_ / "small.yaml";
};

TEST_F(ZooCommand, TrainsAndSummarises) {
  const Outcome outcome = run("zoo", {"--set", "networks=9", "--seed", "3"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  for (const std::string part : {"small, mlp, seed 3", "networks", "9, of these 9 trained now", "median", "files"})
    EXPECT_TRUE(contains(outcome.out, part)) << part << "\n" << outcome.out;
  EXPECT_EQ(read_zoo(folder_ / "zoo").size(), 9);
  const Outcome again = run("zoo", {"--set", "networks=9", "--seed", "3", "--resume"});
  EXPECT_TRUE(contains(again.out, "of these 0 trained now")) << again.out << again.err;
}

TEST_F(ZooCommand, SignalsKeepWhatIsFinishedAndSayHowToGoOn) {
  const std::vector<std::string> longer = {"--set", "draw.steps=[50, 600]", "--set", "networks=60"};
  ASSERT_EQ(run("whole", longer).status, 0);
  for (const auto& [signal, status] : std::map<int, int>{{SIGINT, 130}, {SIGTERM, 143}}) {
    const std::string out = "signal" + std::to_string(signal);
    const Outcome stopped = Command(arguments(out, longer)).run_until([&] { return shards(out) >= 2; }, signal);
    ASSERT_EQ(stopped.status, status) << stopped.err;
    EXPECT_TRUE(contains(stopped.err, "--resume")) << stopped.err;
    EXPECT_LT(shards(out), shards("whole"));
    const Zoo part = read_zoo(folder_ / out);
    EXPECT_GE(part.size(), 1);
    EXPECT_LT(part.size(), 60);
    const Outcome resumed =
        Command({"zoo", (folder_ / out / "config.yaml").string(), "--out", (folder_ / out).string(), "--resume"}).run();
    ASSERT_EQ(resumed.status, 0) << resumed.err;
    expect_same_zoo("whole", out);
  }
}

TEST_F(ZooCommand, AKilledRunGoesOnFromItsShards) {
  const std::vector<std::string> longer = {"--set", "draw.steps=[50, 600]", "--set", "networks=60"};
  ASSERT_EQ(run("whole", longer).status, 0);
  const Outcome killed = Command(arguments("killed", longer)).run_until([&] { return shards("killed") >= 2; }, SIGKILL);
  ASSERT_EQ(killed.signal, SIGKILL) << killed.err;
  std::vector<std::string> resume = longer;
  resume.push_back("--resume");
  ASSERT_EQ(run("killed", resume).status, 0);
  expect_same_zoo("whole", "killed");
}

TEST_F(ZooCommand, AWrongConfigIsOneMessageAndStatusTwo) {
  const Outcome outcome = run("bad", {"--set", "networks=-1", "--set", "draw.optimizer.adma=0.1", "--set", "stepz=3"});
  EXPECT_EQ(outcome.status, 2);
  for (const std::string part : {"[config] 3 problems", "networks: expected", "'adma'", "unknown key 'stepz'"})
    EXPECT_TRUE(contains(outcome.err, part)) << part << "\n" << outcome.err;
  EXPECT_FALSE(fs::exists(folder_ / "bad"));
}

TEST_F(ZooCommand, AFullDiskIsReportedAndLeavesWholeShards) {
  const Outcome outcome = Command(arguments("full")).file_size_limit(1500).run();
  EXPECT_EQ(outcome.status, 2) << outcome.err;
  EXPECT_EQ(shards("full"), 0u);
  EXPECT_EQ(run("full", {"--resume"}).status, 0);
}

}  // namespace
}  // namespace nfopt
