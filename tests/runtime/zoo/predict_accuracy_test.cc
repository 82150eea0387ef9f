// examples/predict_accuracy from its one command to its figures, on a tiny zoo.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>

#include "tests/errors.h"
#include "tests/runtime/io/temporary_folder.h"
#include "tests/runtime/tasks/idx_writer.h"
#include "tests/runtime/zoo/small_zoo.h"

namespace nfopt {
namespace {

using testing::contains;
using testing::text_of;

class PredictAccuracy : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::write_tiny_data(folder_ / "data", 330, 100, 12);
    testing::write_text(folder_ / "small.yaml", testing::small_zoo_text(folder_ / "data"));
  }
  /// Exit status; the output is in the file `log`.
  int run(const std::string& arguments) const {
    const std::string command = "cd " + folder_.path().string() + " && " NFOPT_PREDICT_ACCURACY " " + arguments +
                                " --epochs 3 --seeds 2 --channels 4 > log 2>&1";
    return WEXITSTATUS(std::system(command.c_str()));
  }
  std::string log() const { return text_of(folder_ / "log"); }

  testing::TemporaryFolder folder_;
};

TEST_F(PredictAccuracy, OneCommandTrainsTheZooAndThreePredictors) {
  ASSERT_EQ(run("small.yaml --set networks=60 --out figures"), 0) << log();
  for (const std::string part : {"UNF", "NFN", "StatNN", "standard error", "60 networks of 172 parameters"})
    EXPECT_TRUE(contains(log(), part)) << part << "\n" << log();
  for (const std::string name : {"results.json", "predictions.csv", "scatter.svg", "curves.svg"})
    EXPECT_FALSE(text_of(folder_ / "figures" / name).empty()) << name;
  EXPECT_TRUE(contains(text_of(folder_ / "figures" / "scatter.svg"), "class='points'"));

  ASSERT_EQ(run("runs/small-seed0 --out again"), 0) << log();
  EXPECT_EQ(text_of(folder_ / "figures" / "predictions.csv"), text_of(folder_ / "again" / "predictions.csv"))
      << "a zoo and a seed decide every prediction";
}

TEST_F(PredictAccuracy, SaysWhatIsWrong) {
  EXPECT_EQ(run("nothing.yaml"), 2);
  EXPECT_TRUE(contains(log(), "nothing.yaml")) << log();
  EXPECT_EQ(run("small.yaml --set networks=15"), 2);
  EXPECT_TRUE(contains(log(), "expected at least 20")) << log();
}

}  // namespace
}  // namespace nfopt
