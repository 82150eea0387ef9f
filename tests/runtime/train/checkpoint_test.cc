#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/train/checkpoint.h>

#include "tests/runtime/io/temporary_folder.h"

namespace nfopt {
namespace {

using testing::TemporaryFolder;
using testing::text_of;
using testing::write_text;

Checkpoint checkpoint(int64_t step) {
  Checkpoint out;
  out.step = step;
  out.config = "name: x\n";
  NamedTensors network;
  network.add("w", at::full({1, 2, 3}, static_cast<double>(step), at::kFloat));
  network.add("count", at::full({1}, step, at::kLong));
  out.add_group("network", network);
  return out;
}

TEST(CheckpointFolder, KeepsTheNewestAndReadsThemBack) {
  const TemporaryFolder folder;
  const CheckpointFolder checkpoints(folder.path(), 2);
  EXPECT_FALSE(checkpoints.newest().checkpoint.has_value());
  for (const int64_t step : {100, 200, 1000}) checkpoints.save(checkpoint(step));
  EXPECT_EQ(checkpoints.steps(), (std::vector<int64_t>{200, 1000}));
  const auto found = checkpoints.newest();
  ASSERT_TRUE(found.checkpoint.has_value());
  EXPECT_EQ(found.checkpoint->step, 1000);
  EXPECT_EQ(found.checkpoint->config, "name: x\n");
  EXPECT_TRUE(at::equal(found.checkpoint->group("network").at("w"), at::full({1, 2, 3}, 1000.0, at::kFloat)));
  EXPECT_EQ(found.checkpoint->group("network").at("count").item<int64_t>(), 1000);
  EXPECT_EQ(found.checkpoint->group("optimizer").size(), 0u);
  EXPECT_TRUE(found.notices.empty());
}

TEST(CheckpointFolder, EveryByteThatIsMissingIsNoticed) {
  const TemporaryFolder folder;
  const CheckpointFolder checkpoints(folder.path(), 2);
  checkpoints.save(checkpoint(1));
  checkpoints.save(checkpoint(2));
  const std::string whole = text_of(checkpoints.file(2));
  for (size_t size = 0; size < whole.size(); size += 7) {
    write_text(checkpoints.file(2), whole.substr(0, size));
    const auto found = checkpoints.newest();
    ASSERT_TRUE(found.checkpoint.has_value());
    EXPECT_EQ(found.checkpoint->step, 1) << "cut at " << size;
    ASSERT_EQ(found.notices.size(), 1u);
    EXPECT_NE(found.notices[0].find("step-000000002"), std::string::npos) << found.notices[0];
  }
}

TEST(CheckpointFolder, OtherFilesAreLeftAlone) {
  const TemporaryFolder folder;
  for (const std::string name : {"step-.safetensors", "step-12a.safetensors", "notes.txt", "step-5.txt"})
    write_text(folder / name, "mine");
  const CheckpointFolder checkpoints(folder.path(), 1);
  checkpoints.save(checkpoint(3));
  checkpoints.save(checkpoint(4));
  EXPECT_EQ(checkpoints.steps(), std::vector<int64_t>{4});
  EXPECT_EQ(text_of(folder / "step-12a.safetensors"), "mine");
}

}  // namespace
}  // namespace nfopt
