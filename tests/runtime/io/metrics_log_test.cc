#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/append_file.h>
#include <nfopt/runtime/io/metrics_log.h>

#include <cmath>

#include "tests/runtime/io/temporary_folder.h"

namespace nfopt {
namespace {

using testing::TemporaryFolder;
using testing::text_of;
using testing::write_text;

MetricsRow row(int64_t step) {
  const auto s = static_cast<double>(step);
  return {step, {1 / (s + 3), step % 4 == 0 ? s / 10 : std::nan("")}};
}

TEST(MetricsLog, WritesWhatWasMeasuredAndNothingElse) {
  const TemporaryFolder folder;
  MetricsLog log(folder.path(), {"train_loss", "test_loss"}, -1);
  log.write(row(1));
  log.write({4, {0.5, INFINITY}});
  EXPECT_EQ(text_of(folder / "metrics.csv"), "step,train_loss,test_loss\n1,0.25,\n4,0.5,inf\n");
  EXPECT_EQ(text_of(folder / "metrics.jsonl"),
            "{\"step\": 1, \"train_loss\": 0.25}\n{\"step\": 4, \"train_loss\": 0.5, \"test_loss\": null}\n");
}

TEST(MetricsLog, AResumedRunLeavesTheBytesOfAnUninterruptedOne) {
  const TemporaryFolder whole;
  {
    MetricsLog log(whole.path(), {"train_loss", "test_loss"}, -1);
    for (int64_t step = 0; step < 20; ++step) log.write(row(step));
  }
  for (const std::string torn : {"", "14,0.0", "{\"step\": 14, \"tra"}) {
    const TemporaryFolder folder;
    {
      MetricsLog log(folder.path(), {"train_loss", "test_loss"}, -1);
      for (int64_t step = 0; step < 14; ++step) log.write(row(step));
    }
    write_text(folder / "metrics.csv", text_of(folder / "metrics.csv") + torn);
    write_text(folder / "metrics.jsonl", text_of(folder / "metrics.jsonl") + torn);
    MetricsLog log(folder.path(), {"train_loss", "test_loss"}, 9);
    EXPECT_EQ(log.rows().size(), 10u);
    for (int64_t step = 10; step < 20; ++step) log.write(row(step));
    EXPECT_EQ(text_of(folder / "metrics.csv"), text_of(whole / "metrics.csv"));
    EXPECT_EQ(text_of(folder / "metrics.jsonl"), text_of(whole / "metrics.jsonl"));
  }
}

TEST(MetricsLog, RefusesToContinueOtherColumns) {
  const TemporaryFolder folder;
  { MetricsLog log(folder.path(), {"a"}, -1); }
  EXPECT_THROW(MetricsLog(folder.path(), {"b"}, 3), Error);
}

TEST(AppendFile, AFullDiskIsAnErrorThatNamesTheFile) {
  try {
    AppendFile file("/dev/full");
    file.append("text");
    FAIL() << "writing to a full disk succeeded";
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()), "[log] cannot write '/dev/full': No space left on device.");
  }
}

}  // namespace
}  // namespace nfopt
