#include <ATen/Parallel.h>
#include <nfopt/runtime/compare/record_cache.h>
#include <nfopt/runtime/compare/shared_data.h>
#include <nfopt/runtime/compare/step_timing.h>
#include <nfopt/runtime/io/atomic_file.h>
#include <nfopt/runtime/train/trainer.h>
#include <tbb/task_arena.h>
#include <torch/types.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

namespace nfopt {
namespace {

constexpr int kRounds = 7;
constexpr int kWarmUp = 5;
constexpr double kRoundSeconds = 0.1;
constexpr int64_t kHorizon = 1000000;  // rules that see it are never asked for a step beyond

// One optimizer under the clock.
class Timed {
 public:
  Timed(TrainConfig config, const Dataset& data) {
    config.steps = kHorizon;
    trainer_ = std::make_unique<Trainer>(std::move(config), data);
    run(kWarmUp);
    rounds_.clear();
    const double begin = trainer_ ? trainer_->step_seconds() : 0;
    run(3);
    if (!trainer_) return;
    const double step = std::max(1e-6, (trainer_->step_seconds() - begin) / 3);
    steps_ = std::clamp<int64_t>(static_cast<int64_t>(kRoundSeconds / step), 3, 1000);
    rounds_.clear();
  }

  void round() { run(steps_); }

  double median() {
    if (!trainer_ || rounds_.empty()) return std::nan("");
    std::sort(rounds_.begin(), rounds_.end());
    return rounds_[rounds_.size() / 2];
  }

 private:
  void run(int64_t steps) {
    if (!trainer_) return;
    const double begin = trainer_->step_seconds();
    try {
      for (int64_t i = 0; i < steps; ++i) trainer_->advance();
    } catch (const Diverged&) {
      trainer_.reset();
      return;
    }
    rounds_.push_back(1e3 * (trainer_->step_seconds() - begin) / static_cast<double>(steps));
  }

  std::unique_ptr<Trainer> trainer_;
  int64_t steps_ = 3;
  std::vector<double> rounds_;
};

std::vector<double> measure(const std::vector<TrainConfig>& configs) {
  at::set_num_threads(1);
  SharedData data;
  std::vector<Timed> timed;
  for (const TrainConfig& config : configs) timed.emplace_back(config, *data.of(config));
  for (int round = 0; round < kRounds; ++round)
    for (Timed& one : timed) one.round();
  std::vector<double> out;
  for (Timed& one : timed) out.push_back(one.median());
  return out;
}

}  // namespace

std::vector<double> milliseconds_per_step(const std::vector<TrainConfig>& configs, const std::filesystem::path& file) {
  std::string key;
  for (const TrainConfig& config : configs) key += RecordCache::key(config) + "\n";
  std::error_code code;
  if (std::filesystem::exists(file, code)) {
    const auto json = nlohmann::json::parse(read_file(file), nullptr, false);
    if (json.is_object() && json.value("key", std::string()) == key && json.contains("milliseconds_per_step")) {
      std::vector<double> out;
      for (const auto& value : json["milliseconds_per_step"])
        out.push_back(value.is_number() ? value.get<double>() : std::nan(""));
      if (out.size() == configs.size()) return out;
    }
  }
  std::vector<double> measured;
  tbb::task_arena(1).execute([&] { measured = measure(configs); });  // kernels of ours have one thread, too
  nlohmann::ordered_json json;
  json["key"] = key;
  json["milliseconds_per_step"] = measured;  // NaN becomes null
  write_atomically(file, json.dump() + "\n");
  return measured;
}

}  // namespace nfopt
