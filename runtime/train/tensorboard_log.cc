#include <nfopt/runtime/io/tensorboard_events.h>
#include <nfopt/runtime/train/tensorboard_log.h>
#include <nfopt/runtime/train/trainer.h>

#include <cmath>

namespace nfopt {
namespace {

bool holds_events(const std::filesystem::path& folder) {
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(folder, code))
    if (entry.path().filename().string().starts_with("events.out.tfevents.")) return true;
  return false;
}

// "test_accuracy" -> "test/accuracy": TensorBoard groups by what stands before the slash.
std::string tag_of(std::string column) {
  const size_t at = column.find('_');
  if (at != std::string::npos) column[at] = '/';
  return column;
}

}  // namespace

TensorBoardLog::TensorBoardLog(std::filesystem::path folder) : folder_(std::move(folder)) {}
TensorBoardLog::~TensorBoardLog() = default;

Flow TensorBoardLog::on_begin(const Trainer& run) {
  timed_step_ = run.step();
  if (run.step() == 0 && !run.rows().empty()) write(run);
  return Flow::kContinue;
}

Flow TensorBoardLog::on_step(const Trainer& run) {
  if (run.recorded()) write(run);
  if (events_ && run.due(run.config().checkpoint_every)) events_->sync();
  return Flow::kContinue;
}

void TensorBoardLog::on_end(const Trainer&, TrainResult&) {
  if (events_) events_->sync();
}

void TensorBoardLog::write(const Trainer& run) {
  if (!events_) {
    const std::optional<int64_t> first =
        holds_events(folder_) ? std::optional(run.first_step() > 0 ? run.first_step() + 1 : 0) : std::nullopt;
    events_ = std::make_unique<TensorBoardEvents>(folder_, first);
  }
  const MetricsRow& row = run.rows().back();
  std::vector<std::pair<std::string, double>> scalars;
  for (size_t i = 0; i < row.values.size(); ++i)
    if (!std::isnan(row.values[i])) scalars.emplace_back(tag_of(metrics_columns()[i]), row.values[i]);
  if (run.step() > timed_step_) {
    const double seconds = run.step_seconds() - timed_seconds_;
    scalars.emplace_back("time/ms_per_step", 1e3 * seconds / static_cast<double>(run.step() - timed_step_));
  }
  timed_step_ = run.step();
  timed_seconds_ = run.step_seconds();
  events_->write(row.step, scalars);
}

}  // namespace nfopt
