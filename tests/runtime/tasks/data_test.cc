#include <ATen/ATen.h>
#include <nfopt/runtime/io/idx_file.h>
#include <nfopt/runtime/tasks/batches.h>
#include <nfopt/runtime/tasks/dataset.h>
#include <nfopt/runtime/tasks/pooling.h>

#include <numeric>
#include <set>

#include "tests/errors.h"
#include "tests/runtime/io/temporary_folder.h"
#include "tests/runtime/tasks/idx_writer.h"

namespace nfopt {
namespace {

using testing::contains;
using testing::idx_bytes;
using testing::message_of;
using testing::TemporaryFolder;
using testing::text_of;
using testing::write_gz;
using testing::write_text;
using testing::write_tiny_data;

TEST(Idx, ReadsPlainAndCompressedFilesAlike) {
  const TemporaryFolder folder;
  const std::string bytes = idx_bytes({2, 3}, "abcdef");
  write_gz(folder / "a.gz", bytes);
  write_text(folder / "a", bytes);
  for (const std::string name : {"a.gz", "a"}) {
    const IdxFile idx = read_idx(folder / name, 2);
    EXPECT_EQ(idx.shape, (std::vector<int64_t>{2, 3}));
    EXPECT_EQ(std::string(idx.values.begin(), idx.values.end()), "abcdef");
  }
}

TEST(Idx, NamesTheFileAndWhatIsWrongWithIt) {
  const TemporaryFolder folder;
  const auto file = folder / "x.gz";
  const auto message = [&] { return message_of([&] { read_idx(file, 2); }); };
  EXPECT_TRUE(contains(message(), "No such file")) << message();

  std::string noise(5000, 'x');
  for (size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>(i * i * 2654435761u >> 7);
  write_gz(file, idx_bytes({50, 100}, noise));
  const std::string whole = text_of(file);
  EXPECT_EQ(message(), "no error");
  for (const size_t cut : {whole.size() - 1, whole.size() - 9, whole.size() / 2, size_t{11}, size_t{3}}) {
    write_text(file, whole.substr(0, cut));
    EXPECT_TRUE(contains(message(), file.string())) << "cut at " << cut << ": " << message();
  }
  std::string flipped = whole;
  flipped[flipped.size() - 6] = static_cast<char>(flipped[flipped.size() - 6] ^ 1);  // the check sum
  write_text(file, flipped);
  EXPECT_TRUE(contains(message(), "is damaged")) << message();

  write_gz(file, idx_bytes({3, 3}, "abc"));
  EXPECT_TRUE(contains(message(), "promises 9 bytes, it holds 3")) << message();
  write_gz(file, idx_bytes({1, 2}, "abc"));
  EXPECT_TRUE(contains(message(), "holds more than the 2 bytes")) << message();
  write_gz(file, idx_bytes({4}, "abcd"));
  EXPECT_TRUE(contains(message(), "not an IDX file of unsigned bytes with 2 axes")) << message();
  write_gz(file, idx_bytes({0xffffffff, 0xffffffff}, "abcd"));
  EXPECT_TRUE(contains(message(), "more than 2 GiB")) << message();
  write_gz(file, idx_bytes({1u << 15, 1u << 15}, "abcd"));  // a header that lies about a gigabyte
  EXPECT_TRUE(contains(message(), "it holds 4")) << message();
  write_text(file, "");
  EXPECT_TRUE(contains(message(), "not an IDX file")) << message();
}

TEST(Pooling, WindowsOfThreeAndAHalfPixelsCountSharedPixelsHalf) {
  const auto windows = window_overlaps(28, 8);  // in eighths of a pixel; a window is 28 of them
  EXPECT_EQ(windows[0], (std::vector<std::pair<int64_t, int64_t>>{{0, 8}, {1, 8}, {2, 8}, {3, 4}}));
  EXPECT_EQ(windows[1], (std::vector<std::pair<int64_t, int64_t>>{{3, 4}, {4, 8}, {5, 8}, {6, 8}}));
  for (const auto& [inputs, outputs] : {std::pair{28, 8}, {28, 28}, {5, 3}, {7, 1}, {32, 9}}) {
    std::vector<int64_t> used(static_cast<size_t>(inputs), 0);
    for (const auto& window : window_overlaps(inputs, outputs)) {
      int64_t width = 0;
      for (const auto& [pixel, parts] : window) {
        used[static_cast<size_t>(pixel)] += parts;
        width += parts;
      }
      EXPECT_EQ(width, inputs);
    }
    for (const int64_t parts : used) EXPECT_EQ(parts, outputs);
  }
}

TEST(Pooling, KeepsTheMeanAndConstants) {
  std::vector<uint8_t> image(28 * 28);
  for (size_t i = 0; i < image.size(); ++i) image[i] = static_cast<uint8_t>(i * 31 % 256);
  const std::vector<double> pooled = pool_area_mean(image, 1, 28, 28, 8);
  ASSERT_EQ(pooled.size(), 64u);
  const double mean = std::accumulate(image.begin(), image.end(), 0.0) / 784;
  EXPECT_NEAR(std::accumulate(pooled.begin(), pooled.end(), 0.0) / 64, mean, 1e-10);
  EXPECT_EQ(pool_area_mean(std::vector<uint8_t>(784, 7), 1, 28, 28, 8), std::vector<double>(64, 7.0));
  EXPECT_EQ(pool_area_mean(image, 1, 28, 28, 28), std::vector<double>(image.begin(), image.end()));
}

TEST(FashionMnist, ScalesAndPoolsAsConfigured) {
  const TemporaryFolder folder;
  write_tiny_data(folder.path(), 40, 20, 12);
  const Dataset raw = load_fashion_mnist({.folder = folder.path().string(), .scaling = {.scale = 1}}, at::kDouble);
  EXPECT_EQ(raw.train.inputs.sizes(), (at::IntArrayRef{40, 144}));
  EXPECT_EQ(raw.test.size(), 20);
  EXPECT_EQ(raw.classes, 10);
  const Dataset scaled = load_fashion_mnist(
      {.folder = folder.path().string(), .image_size = 4, .scaling = {.scale = 0.5, .mean = 3, .std = 2}}, at::kDouble);
  const at::Tensor pooled = raw.train.inputs.view({40, 4, 3, 4, 3}).mean(at::IntArrayRef{2, 4}).view({40, 16});
  EXPECT_TRUE(at::allclose(scaled.train.inputs, (pooled * 0.5 - 3) / 2, 1e-12, 1e-12));
}

TEST(FashionMnist, AMissNamesThePlacesAndTheCure) {
  const TemporaryFolder folder;
  const std::string message =
      message_of([&] { load_fashion_mnist({.folder = (folder / "nothing").string()}, at::kFloat); });
  EXPECT_TRUE(contains(message, "searched " + (folder / "nothing").string())) << message;
  EXPECT_TRUE(contains(message, "apt-get install dataset-fashion-mnist")) << message;
}

TEST(FashionMnist, RefusesFilesThatDoNotBelongTogether) {
  const TemporaryFolder folder;
  const auto load = [&](int64_t size) {
    return message_of([&] { load_fashion_mnist({.folder = folder.path().string(), .image_size = size}, at::kFloat); });
  };
  write_tiny_data(folder.path(), 20, 10, 8);
  EXPECT_EQ(load(0), "no error");
  EXPECT_TRUE(contains(load(9), "image_size 9 is larger")) << load(9);
  write_gz(folder / "t10k-labels-idx1-ubyte.gz", idx_bytes({9}, std::string(9, '\1')));
  EXPECT_TRUE(contains(load(0), "holds 10 images")) << load(0);
  write_gz(folder / "t10k-labels-idx1-ubyte.gz", idx_bytes({10}, std::string(9, '\1') + '\x0b'));
  EXPECT_TRUE(contains(load(0), "label 9 is 11")) << load(0);
}

TEST(Batches, EveryEpochIsAPermutationCutIntoFullBatches) {
  Batches batches(103, 10, Rng(3).purpose("shuffle"));
  EXPECT_EQ(batches.per_epoch(), 10);
  std::vector<std::vector<int64_t>> epochs;
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<int64_t> seen;
    for (int64_t b = 0; b < 10; ++b)
      for (const int64_t i : batches.indices(epoch * 10 + b)) seen.push_back(i);
    EXPECT_EQ(std::set<int64_t>(seen.begin(), seen.end()).size(), 100u);
    epochs.push_back(seen);
  }
  EXPECT_NE(epochs[0], epochs[1]);
}

TEST(Batches, AStepsBatchDependsOnNothingBefore) {
  Batches forward(64, 8, Rng(5));
  std::vector<std::vector<int64_t>> all;
  for (int64_t step = 0; step < 40; ++step) all.push_back(forward.indices(step));
  Batches random_access(64, 8, Rng(5));
  for (const int64_t step : {39, 0, 17, 18, 8, 7})
    EXPECT_EQ(random_access.indices(step), all[static_cast<size_t>(step)]);
  EXPECT_NE(Batches(64, 8, Rng(6)).indices(0), all[0]);
  EXPECT_THROW(Batches(7, 8, Rng(0)), Error);
}

}  // namespace
}  // namespace nfopt
