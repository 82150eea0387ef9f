#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/compare/record_cache.h>

#include <cmath>
#include <functional>

#include "tests/runtime/io/temporary_folder.h"

namespace nfopt {
namespace {

using testing::TemporaryFolder;
using testing::text_of;
using testing::write_text;

TrainConfig config() {
  return read_train_config(parse_yaml(R"(name: tiny
architecture: {name: mlp, input_size: 16, hidden: [8], output_size: 10}
data: {name: fashion_mnist}
steps: 60
optimizer: adam
)",
                                      "tiny.yaml"),
                           "tiny.yaml");
}

RunRecord record() {
  RunRecord out;
  out.result.finished = true;
  out.result.step = 60;
  out.result.train_loss = 0.1;
  out.result.test_loss = INFINITY;
  out.result.optimizer = "adam";
  out.rows = {{0, {NAN, NAN, 2.5, 0.1}}, {60, {1.0 / 3, 0.9, NAN, NAN}}};
  return out;
}

TEST(RecordCache, GivesBackEveryNumber) {
  const TemporaryFolder folder;
  const RecordCache cache(folder / "made" / "when needed");
  EXPECT_FALSE(cache.find(config()).has_value());
  cache.store(config(), record());
  const std::optional<RunRecord> found = cache.find(config());
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->result.train_loss, 0.1);
  EXPECT_EQ(found->result.test_loss, INFINITY);
  EXPECT_FALSE(found->diverged());
  ASSERT_EQ(found->rows.size(), 2u);
  EXPECT_EQ(found->rows[1].step, 60);
  EXPECT_EQ(found->rows[1].values[0], 1.0 / 3);
  EXPECT_TRUE(std::isnan(found->rows[0].values[0]));
}

TEST(RecordCache, EverythingThatDecidesTheNumbersIsPartOfTheKeyAndNothingElse) {
  const TemporaryFolder folder;
  write_text(folder / "theta.safetensors", "one");
  const std::string key = RecordCache::key(config());
  const auto key_with = [](const std::function<void(TrainConfig&)>& change) {
    TrainConfig other = config();
    change(other);
    return RecordCache::key(other);
  };
  EXPECT_NE(key_with([](TrainConfig& c) { c.seed = 1; }), key);
  EXPECT_NE(key_with([](TrainConfig& c) { c.optimizer.lr *= 2; }), key);
  EXPECT_NE(key_with([](TrainConfig& c) { c.optimizer.schedule.decay = LrSchedule::Decay::cosine; }), key);
  EXPECT_NE(key_with([](TrainConfig& c) { c.optimizer.schedule.warmup = 1; }), key);
  EXPECT_NE(key_with([](TrainConfig& c) { c.batch_size = 7; }), key);
  EXPECT_NE(key_with([](TrainConfig& c) { c.log_every = 7; }), key);
  EXPECT_EQ(key_with([](TrainConfig& c) { c.name = "other"; }), key);
  EXPECT_EQ(key_with([](TrainConfig& c) { c.optimizer.name = "my_adam"; }), key);
  EXPECT_EQ(key_with([](TrainConfig& c) { c.checkpoint_every = 7; }), key);

  const auto learned = [&](TrainConfig& c) {
    c.optimizer.rule = "unf";
    c.optimizer.theta = (folder / "theta.safetensors").string();
  };
  const std::string before = key_with(learned);
  write_text(folder / "theta.safetensors", "two");
  EXPECT_NE(key_with(learned), before) << "the same path, another theta";
}

TEST(RecordCache, ADamagedOrForeignFileIsAMiss) {
  const TemporaryFolder folder;
  const RecordCache cache(folder.path());
  cache.store(config(), record());
  const std::string whole = text_of(cache.file(config()));
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("[1, 2"), whole.substr(0, whole.size() / 2)}) {
    write_text(cache.file(config()), text);
    EXPECT_FALSE(cache.find(config()).has_value()) << text;
  }
  TrainConfig other = config();
  other.seed = 9;
  write_text(cache.file(other), whole);  // as a collision of hashes would look
  EXPECT_FALSE(cache.find(other).has_value());
}

TEST(RecordCache, AFolderThatCannotBeMadeIsAnError) {
  const TemporaryFolder folder;
  write_text(folder / "file", "");
  EXPECT_THROW(RecordCache(folder / "file" / "cache").store(config(), record()), Error);
}

}  // namespace
}  // namespace nfopt
