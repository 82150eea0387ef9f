#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/errors.h"
#include "tests/runtime/cli/command.h"
#include "tests/runtime/meta/free_port.h"
#include "tests/runtime/tasks/idx_writer.h"

namespace nfopt::testing {

/// The tensors of a safetensors file, without the metadata.
inline std::string data_of(const std::filesystem::path& file) {
  const std::string bytes = text_of(file);
  uint64_t header = 0;
  if (bytes.size() < sizeof header) return {};
  std::memcpy(&header, bytes.data(), sizeof header);
  return bytes.substr(std::min(bytes.size(), sizeof header + header));
}

/// A config and data that meta-train in milliseconds, and the commands on them.
class TinyMetaTask : public ::testing::Test {
 protected:
  static constexpr int kSteps = 40;

  void SetUp() override {
    write_tiny_data(folder_ / "data", 330, 100, 12);
    const std::string data = "{name: fashion_mnist, folder: " + (folder_ / "data").string() + ", image_size: 4}";
    write_text(config_, R"(name: tiny
rule: per_parameter_mlp
threads: 2
families:
  narrow:
    particles: 3
    particles_per_chunk: 2
    data: )" + data + R"(
    architecture: {name: mlp, hidden: [8]}
    batch_size: 16
    horizon: 12
  mixed:
    particles: 2
    data: )" + data + R"(
    architecture: {name: mlp}
    draw: {hidden: {from: 4, to: 8, count: [1, 2]}, activation: [relu, tanh]}
    batch_size: [8, 16]
    horizon: [6, 16]
    label_noise: {share: 0.5, up_to: 0.3}
estimator: {name: pes, window: 4, sigma: 0.01}
outer: {steps: 40, lr: 0.003, warmup_steps: 1}
evaluation: {every: 20, tasks: 3, steps: 10}
log: {every: 3}
checkpoint: {every: 5}
)");
  }

  std::vector<std::string> arguments(const std::string& out, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = {"meta-train", config_.string(), "--out", (folder_ / out).string()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Outcome run(const std::string& out, const std::vector<std::string>& more = {}) const {
    return Command(arguments(out, more)).run();
  }
  std::filesystem::path checkpoint(const std::string& out, int step) const {
    char name[64];
    std::snprintf(name, sizeof name, "step-%09d.safetensors", step);
    return folder_ / out / "checkpoints" / name;
  }
  // theta, outer state, every trajectory, accumulators, counters, evaluations; and the metrics.
  void expect_same_run(const std::string& a, const std::string& b) const {
    for (const int step : {kSteps - 5, kSteps}) {
      EXPECT_FALSE(data_of(checkpoint(a, step)).empty());
      EXPECT_TRUE(data_of(checkpoint(a, step)) == data_of(checkpoint(b, step))) << b << ", outer step " << step;
    }
    for (const std::string theta : {"theta-last.safetensors", "theta-best.safetensors"})
      EXPECT_TRUE(data_of(folder_ / a / theta) == data_of(folder_ / b / theta)) << b << ", " << theta;
    for (const std::string name : {"metrics.jsonl", "metrics.csv", "meta_loss.svg", "evaluation.svg"})
      EXPECT_EQ(text_of(folder_ / a / name), text_of(folder_ / b / name)) << b << ", " << name;
  }
  void expect_refused(const Outcome& outcome, const std::string& part) const {
    EXPECT_EQ(outcome.status, 2) << outcome.err;
    EXPECT_TRUE(contains(outcome.err, part)) << "expected '" << part << "' in:\n" << outcome.err;
  }

  // A group of two on this machine.
  struct Pair {
    Pair(const std::vector<std::string>& of_zero, const std::vector<std::string>& of_one) : zero(of_zero), one(of_one) {
      const std::string port = std::to_string(free_port());
      int rank = 0;
      for (Command* command : {&zero, &one})
        command->environment("RANK", std::to_string(rank++))
            .environment("WORLD_SIZE", "2")
            .environment("MASTER_ADDR", "127.0.0.1")
            .environment("MASTER_PORT", port);
    }
    Command zero, one;
    Outcome first, second;
  };
  Pair two_ranks(const std::string& out, const std::vector<std::string>& more = {}) const {
    return {arguments(out, more), arguments(out, more)};
  }
  static void run(Pair& pair) {
    pair.zero.start();
    pair.one.start();
    pair.first = pair.zero.wait();
    pair.second = pair.one.wait();
  }

  TemporaryFolder folder_;
  std::filesystem::path config_ = folder_ / "tiny.yaml";
};

}  // namespace nfopt::testing
