#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/errors.h"
#include "tests/runtime/cli/command.h"
#include "tests/runtime/tasks/idx_writer.h"

namespace nfopt::testing {

inline size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

/// A config and data that train in milliseconds, and the commands on them.
class TinyTask : public ::testing::Test {
 protected:
  void SetUp() override {
    write_tiny_data(folder_ / "data", 330, 100, 12);
    write_text(config_, R"(name: tiny
architecture: {name: mlp, input_size: 16, hidden: [8], output_size: 10}
data: {name: fashion_mnist, folder: )" +
                            (folder_ / "data").string() + R"(, image_size: 4}
batch_size: 32
steps: 300
optimizer: sgdm
optimizers:
  gentle: {rule: sgdm, lr: 0.05, momentum: 0.9, dampening: 0.9}
log: {every: 7}
evaluation: {every: 50}
checkpoint: {every: 20}
compare: {optimizers: [sgdm, adam], seeds: [0, 1], cache: )" +
                            (folder_ / "cache").string() + "}\n");
  }

  std::vector<std::string> train(const std::string& out, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"train", config_.string(), "--out", (folder_ / out).string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  Outcome run(const std::string& out, const std::vector<std::string>& more = {}) const {
    return Command(train(out, more)).run();
  }
  std::filesystem::path checkpoint(const std::string& out, int step) const {
    char name[64];
    std::snprintf(name, sizeof name, "step-%09d.safetensors", step);
    return folder_ / out / "checkpoints" / name;
  }
  /// Whether a run has saved this step or a later one; an earlier checkpoint may have been rotated away by now.
  bool has_saved(const std::string& out, int step) const {
    std::error_code code;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / out / "checkpoints", code))
      if (entry.path().filename() >= checkpoint(out, step).filename()) return true;
    return false;
  }
  // Every file that a run decides, byte by byte.
  void expect_same_run(const std::string& a, const std::string& b) const {
    for (const std::string name : {"metrics.jsonl", "metrics.csv", "config.yaml", "loss.svg", "accuracy.svg"})
      EXPECT_EQ(text_of(folder_ / a / name), text_of(folder_ / b / name)) << name;
    for (const int step : {280, 300}) {
      EXPECT_FALSE(text_of(checkpoint(a, step)).empty());
      EXPECT_EQ(text_of(checkpoint(a, step)), text_of(checkpoint(b, step))) << "step " << step;
    }
  }
  void expect_refused(const Outcome& outcome, const std::string& part) const {
    EXPECT_EQ(outcome.status, 2) << outcome.err;
    EXPECT_TRUE(contains(outcome.err, part)) << "expected '" << part << "' in:\n" << outcome.err;
    EXPECT_EQ(outcome.err.rfind('[', 0), 0u) << outcome.err;  // the voice of our errors: [component] what is wrong
  }

  TemporaryFolder folder_;
  std::filesystem::path config_ = folder_ / "tiny.yaml";
};

}  // namespace nfopt::testing
