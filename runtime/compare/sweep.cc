#include <nfopt/runtime/compare/compare_task.h>
#include <nfopt/runtime/compare/sweep.h>

#include <cmath>
#include <limits>

namespace nfopt {

std::string Setting::name() const { return optimizer + " " + shortest(rate) + " " + schedule; }

void Setting::evaluate(std::vector<RunRecord> ended, const Smoothing& smoothing) {
  runs = std::move(ended);
  score = 0;
  for (const RunRecord& run : runs) {
    train.push_back(smoothed(curve_of(run.rows, 0), smoothing));
    test.push_back(smoothed(curve_of(run.rows, 2), smoothing));
    score += run.diverged() ? std::numeric_limits<double>::infinity()
                            : train.back().lowest() / static_cast<double>(runs.size());
  }
}

std::vector<Setting> settings_of(const SweepConfig& sweep, const std::vector<double>& rates, const YamlValue& document,
                                 const std::string& file) {
  std::vector<Setting> settings;
  for (const std::string& optimizer : sweep.optimizers) {
    const std::string rule = config_of_run(document, file, optimizer, 0).optimizer.rule;
    const std::vector<double> tried = !rates.empty() ? rates : !sweep.rates.empty() ? sweep.rates : default_rates(rule);
    for (const std::string& schedule : sweep.schedules)
      for (const double rate : tried) settings.push_back({.optimizer = optimizer, .rate = rate, .schedule = schedule});
  }
  return settings;
}

TrainConfig config_of(const Setting& setting, TrainConfig base) {
  base.optimizer.lr = setting.rate;
  base.optimizer.schedule.decay =
      setting.schedule == "cosine" ? LrSchedule::Decay::cosine : LrSchedule::Decay::constant;
  base.early_stop.reset();  // every baseline has the whole horizon
  return base;
}

const Setting* best_setting(const std::vector<Setting>& settings, const std::string& optimizer,
                            const std::string& schedule) {
  const Setting* best = nullptr;
  for (const Setting& setting : settings) {
    if (!setting.in_grid || setting.optimizer != optimizer || !std::isfinite(setting.score)) continue;
    if (!schedule.empty() && setting.schedule != schedule) continue;
    if (best == nullptr || setting.score < best->score) best = &setting;
  }
  return best;
}

std::optional<std::string> edge_of_grid(const std::vector<Setting>& settings, const Setting& best) {
  bool lower = false, higher = false;
  for (const Setting& other : settings) {
    if (!other.in_grid || other.optimizer != best.optimizer || other.schedule != best.schedule) continue;
    lower = lower || other.rate < best.rate;
    higher = higher || other.rate > best.rate;
  }
  if (lower && higher) return {};
  return "the best rate of " + best.optimizer + ", " + shortest(best.rate) + " " + best.schedule + ", is the " +
         (lower ? "highest" : "lowest") + " that was tried: widen compare.sweep.rates.";
}

}  // namespace nfopt
