#include <nfopt/runtime/io/metrics_log.h>
#include <nfopt/runtime/train/metrics_files.h>
#include <nfopt/runtime/train/trainer.h>

namespace nfopt {

MetricsFiles::MetricsFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}
MetricsFiles::~MetricsFiles() = default;

Flow MetricsFiles::on_begin(const Trainer& run) {
  log_ = std::make_unique<MetricsLog>(folder_, metrics_columns(), run.step() > 0 ? run.step() : -1);
  for (size_t i = log_->rows().size(); i < run.rows().size(); ++i) log_->write(run.rows()[i]);
  return Flow::kContinue;
}

Flow MetricsFiles::on_step(const Trainer& run) {
  if (run.recorded()) log_->write(run.rows().back());
  if (run.due(run.config().checkpoint_every)) log_->sync();
  return Flow::kContinue;
}

void MetricsFiles::on_end(const Trainer&, TrainResult&) { log_->sync(); }

}  // namespace nfopt
